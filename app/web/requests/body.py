"""Request bodies: bounded in size and time, strict JSON, then a wire's schema."""

import re
from typing import Any

import gevent
import orjson
from flask import g, request
from marshmallow import Schema

from app.engine.errors import ChatError, Problem
from app.web.requests.query import load
from app.web.services import services

PIECE = 4096
MOST_VALUES = 10_000  # objects, lists, texts, numbers … in a body: each takes a moment in each place that it passes
MOST_DEPTH = 100  # of objects and lists in one another

_TOO_MANY = f"The body has more than {MOST_VALUES} values"
_STRINGS = re.compile(rb'"(?:[^"\\]+|\\.?)*+(?:"|\Z)', re.DOTALL)  # of JSON; also one that never ends: each byte once


def load_body(schema: type[Schema]) -> Any:
    """What the schema makes of the request's JSON body.

    Raises ChatError: UNSUPPORTED_TYPE, TOO_LARGE, BODY_TIMEOUT, MALFORMED, or INVALID with the fields named.
    """
    require_json()
    if request.content_encoding:
        raise ChatError(Problem.UNSUPPORTED_TYPE)
    body = _read()
    if _has_too_many_values(body):
        raise ChatError(Problem.INVALID, _TOO_MANY)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ChatError(Problem.MALFORMED, f"The body is not valid JSON: {error}") from error
    _check_shape(data)
    return load(schema, data)


def _has_too_many_values(body: bytes) -> bool:
    """Whether it certainly has, by its commas and brackets: Python's garbage collector would look at each list and
    object that is made of it."""

    def too_many(text: bytes) -> bool:
        return text.count(b",") > MOST_VALUES or text.count(b"[") + text.count(b"{") > MOST_VALUES

    return too_many(body) and too_many(_STRINGS.sub(b"", body))


def _check_shape(data: Any) -> None:
    """Raises ChatError(INVALID) for a body of more than MOST_VALUES values, or deeper than MOST_DEPTH."""
    level, values = [data], 1
    for _ in range(MOST_DEPTH + 1):
        level = [outer for outer in level if isinstance(outer, dict | list) and outer]
        if not level:
            return
        values += sum(map(len, level))
        if values > MOST_VALUES:
            raise ChatError(Problem.INVALID, _TOO_MANY)
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    raise ChatError(Problem.INVALID, f"The body is nested deeper than {MOST_DEPTH} levels")


def require_json() -> None:
    """Raises ChatError(UNSUPPORTED_TYPE) for a request whose Content-Type is another, or missing."""
    if request.mimetype != "application/json":
        raise ChatError(Problem.UNSUPPORTED_TYPE)


def _read() -> bytes:
    """The whole body. One byte more than the limit is asked for, never more: a chunked body names no length. A caller
    who waits to be told to continue is told here, where nothing but the content can be wrong any more."""
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
