"""A known answer for `parlance doctor`, which looks at what becomes of it on its way. Nobody else gets it."""

import time
from collections.abc import Iterator
from typing import Any

import gevent
from flask import Blueprint, Response, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.routing import Rule

from app.engine.errors import ChatError, Problem
from app.settings.secret import secret_of
from app.web.requests.body import read_body
from app.web.responses.framing import SSE, STREAM_HEADERS, json_bytes
from app.web.services import services

PATH = "/doctor"
PAUSE_SECONDS = 0.1  # between two lines
TOKEN_SECONDS = 120  # for so long a token is good

_ENDPOINT = "doctor.known_answer"

blueprint = Blueprint("doctor", __name__)
# Of every method: another one's 405, or the answer to OPTIONS, would tell that the path is there.
blueprint.record(lambda state: state.app.url_map.add(Rule(PATH, endpoint=_ENDPOINT)))


def doctor_token(secret: str, lines: int, silence: float) -> str:
    """What asks for so many lines, and so many seconds of silence behind them. `secret` is the installation's."""
    return _signer(secret).dumps({"lines": lines, "silence": silence})


@blueprint.endpoint(_ENDPOINT)
def known_answer() -> Response:
    """Events: what the server sees of the request; numbered lines, each with the seconds from the first event to its
    own sending; and after a silence the end. Whoever has no token, or does not POST, learns nothing: 404."""
    asked = _asked()
    seen = {
        "address": request.remote_addr,
        "scheme": request.scheme,
        "host": request.host,
        "protocol": request.environ["SERVER_PROTOCOL"],
        "forwarded": [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()],
        "trusted_hops": services().settings.trusted_hops,
        "body_bytes": len(read_body()),
    }
    return Response(_events(seen, asked["lines"], asked["silence"]), content_type=SSE, headers=STREAM_HEADERS)


def _asked() -> dict[str, Any]:
    if request.method != "POST":
        raise ChatError(Problem.NOT_FOUND)
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        asked: dict[str, Any] = _signer(secret_of(services().settings)).loads(token, max_age=TOKEN_SECONDS)
    except BadData as error:
        raise ChatError(Problem.NOT_FOUND) from error
    return asked


def _events(seen: dict[str, Any], lines: int, silence: float) -> Iterator[bytes]:
    began = time.monotonic()
    yield _event({"seen": seen})
    for number in range(lines):
        gevent.sleep(PAUSE_SECONDS)
        yield _event({"line": number, "sent": time.monotonic() - began})
    gevent.sleep(silence)
    yield _event({"end": True})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json_bytes(value) + b"\n\n"


def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="parlance doctor")
