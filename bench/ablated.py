"""Parlance without one of its parts: for bench/ablate.py, which measures what that part costs. `app` is what gunicorn
serves; ABLATE names the part, as the functions below do."""

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import orjson
from flask import Response, request
from sqlalchemy import event

from app.engine.chunks import ModelFinished
from app.engine.conversation import StoredQuestion
from app.engine.events import TextDelta
from app.engine.messages import Usage
from app.store.tables import now
from app.web import guard
from app.web.callers import identity
from app.wires.widget.requests import ChatRequest
from wsgi import app as whole

services = whole.extensions["parlance"]
PIECES = b'{"type":"start"}\n', b'{"type":"token","token":" 0.0"}\n{"type":"done"}\n'


def without_store() -> None:
    """Nothing is written or read but the key."""

    def add_question(entry: Any, admit: Callable[[str], None]) -> StoredQuestion:
        admit(uuid.uuid4().hex)
        return StoredQuestion([*entry.messages.values()], [*entry.messages][-1], entry.answer_id, None, now())

    store = SimpleNamespace(add_question=add_question, add_answer=lambda *_: None)
    object.__setattr__(services.engine, "conversations", store)


def without_disk() -> None:
    """A commit does not wait until it is on the disk."""
    engine = services.database._engine  # noqa: SLF001 - nobody else asks for it
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous = OFF"))


class Said:
    """Implements `ModelStream`: an answer that is there."""

    model = identity = "up"
    accepted = True
    phases: dict[str, float] = {}  # noqa: RUF012

    def connect(self) -> Iterator[tuple[()]]:
        yield from ()

    def __iter__(self) -> Iterator[Any]:
        yield [TextDelta(" 0.0"), ModelFinished("stop", Usage())]

    def shorten(self, _take: Any) -> None: ...
    def ended(self, _error: Any) -> None: ...
    def close(self) -> None: ...


def without_model() -> None:
    """No request is made."""
    said = SimpleNamespace(ask=lambda *_: Said())
    object.__setattr__(services.engine, "models", dict.fromkeys(services.engine.models, said))


def without_logs() -> None:
    logging.disable(logging.CRITICAL)


def without_hooks() -> None:
    """Those after a request: headers, the line of the log, bounds of the connection."""
    whole.after_request_funcs.clear()


def without_limit() -> None:
    before = whole.before_request_funcs
    before[None] = [each for each in before[None] if each.__qualname__ != "_Limits.count"]


def without_key() -> None:
    """Whoever was the first is the caller of all that follow."""
    ask, known = identity._identify, []  # noqa: SLF001

    def remembered() -> Any:
        if not known:
            known.append(ask())
        return known[0]

    vars(identity)["_identify"] = remembered


def without_schema() -> None:
    """The body is read and believed."""

    def believe(*_: Any) -> Any:
        body = orjson.loads(request.get_data())
        return ChatRequest(body["sessionId"], body["message"])

    vars(guard)["load_body"] = believe


def without_view() -> None:
    """gunicorn, Flask, the hooks and the limit; a fixed answer."""
    for endpoint in whole.view_functions:
        whole.view_functions[endpoint] = lambda **_: Response(iter(PIECES), content_type="application/x-ndjson")


def without_application() -> Any:
    """gunicorn alone; a fixed answer."""

    def answer(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "application/x-ndjson")])
        return iter(PIECES)

    bare: Any = type("Bare", (), {"__call__": staticmethod(answer), "extensions": whole.extensions})
    return bare()


def without_nothing() -> None: ...


app = globals()[f"without_{os.environ['ABLATE']}"]() or whole
