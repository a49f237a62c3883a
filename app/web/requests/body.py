"""Request bodies: bounded in size and time, strict JSON, then a wire's schema."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import orjson
from flask import g, request
from marshmallow import Schema

from app.engine.errors import ChatError, Problem
from app.web.requests.query import load, refuse_nul
from app.web.services import services

PIECE = 4096
LARGE = 65_536  # bytes of a body that may hold thousands of parts
MOST_CONTAINERS = 20_000  # lists and objects of a body: each takes a moment in each place that it passes, a text hardly
MOST_DEPTH = 100  # of objects and lists in one another


def load_body(schema: type[Schema], optional: bool = False) -> Any:
    """What the schema makes of the request's JSON body; where it is `optional` and there is none, of an empty object.

    Raises ChatError: UNSUPPORTED_TYPE, TOO_LARGE, BODY_TIMEOUT, MALFORMED, or INVALID with the fields named.
    """
    if optional and is_empty():
        return load(schema, {})
    require_json()
    if request.content_encoding:
        raise ChatError(Problem.UNSUPPORTED_TYPE, "Content-Encoding must not be there: send the body as it is")
    body = read_body()
    g.posted = _parsed(body)
    _let_others_go_on(len(body))
    with _no_collecting():
        made = load(schema, g.posted)
    _let_others_go_on(len(body))
    return made


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Python's garbage collector is kept from looking at thousands of lists and objects again and again while they are
    made, and from looking at all at those that are refused."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _let_others_go_on(size: int) -> None:
    """Between two looks at a large body, each of which takes its time."""
    if size > LARGE:
        gevent.sleep(0)


def _parsed(body: bytes) -> Any:
    """Its JSON. Raises ChatError: MALFORMED, or INVALID where _mistake tells of one, or a text has a NUL."""
    with _no_collecting():
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ChatError(Problem.MALFORMED, f"The body is not valid JSON: {error}") from error
        mistake = _mistake(data)
        if mistake:
            del data
    if mistake:
        raise ChatError(Problem.INVALID, mistake)
    if b"\\u0000" in body:  # as JSON says it, unless a backslash stands before it
        refuse_nul(data)
    return data


def _mistake(data: Any) -> str | None:
    """Whether it has more than MOST_CONTAINERS lists and objects, or any deeper than MOST_DEPTH."""
    level, containers = [data] if isinstance(data, dict | list) else [], 0
    for _ in range(MOST_DEPTH):
        containers += len(level)
        if containers > MOST_CONTAINERS:
            return f"The body has more than {MOST_CONTAINERS:,} lists and objects"
        items = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [inner for several in items for inner in several if type(inner) in (dict, list)]
        if not level:
            return None
    return f"The body is nested deeper than {MOST_DEPTH} levels"


def is_empty() -> bool:
    """Whether the request has no body."""
    return not request.content_length and "Transfer-Encoding" not in request.headers


def require_json() -> None:
    """Raises ChatError(UNSUPPORTED_TYPE) for a request whose Content-Type is another, or missing."""
    if request.mimetype != "application/json":
        raise ChatError(Problem.UNSUPPORTED_TYPE)


def read_body() -> bytes:
    """The whole body. One byte more than the limit is asked for, never more: a chunked body names no length. A caller
    who waits to be told to continue is told here, where nothing but the content can be wrong any more.

    Raises ChatError: TOO_LARGE, BODY_TIMEOUT, INVALID."""
    server = services().settings.server
    length = request.content_length or 0
    if length > server.body_bytes:
        raise ChatError(Problem.TOO_LARGE)
    try:
        with gevent.Timeout(server.body_seconds):
            request.environ.get("parlance.continue", bool)()
            body = _read_pieces(length or server.body_bytes + 1)
    except gevent.Timeout as error:
        raise ChatError(Problem.BODY_TIMEOUT) from error
    except Exception as error:  # gunicorn has a dozen exceptions for malformed chunks, of several families
        raise ChatError(Problem.INVALID, "The body could not be read") from error
    if len(body) > server.body_bytes:
        raise ChatError(Problem.TOO_LARGE)
    g.body_was_read = True
    if len(body) < length:
        raise ChatError(Problem.INVALID, "The body ended early")
    return body


def _read_pieces(most: int) -> bytes:
    """In pieces with a pause between them: what has arrived already is read without one, and no timeout can fire."""
    source, body = request.environ["wsgi.input"], b""
    while len(body) < most:
        piece = source.read(min(most - len(body), PIECE))
        if not piece:
            break
        body += piece
        gevent.sleep(0)
    return body
