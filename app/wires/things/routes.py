"""POST /login, and /stuff behind the token that it gives."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.web.callers.accounts import CredentialsSchema, count_attempt, sign_in
from app.web.callers.identity import identify
from app.web.requests.body import load_body
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.things.requests import ThingSchema

blueprint = Blueprint("things", __name__)

_WORDS = {Problem.UNAUTHORIZED: "Access denied: invalid authentication token."}
_LARGEST_ID = 2**63 - 1


def error_body(error: ChatError) -> Mapping[str, Any]:
    return {"code": error.problem.status, "message": _WORDS.get(error.problem, error.message)}


@blueprint.after_request
def keep(response: Response) -> Response:
    """Nothing: caches know whose answers are whose by `Authorization`, and here another header may say it."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/login")
def login() -> Response:
    """A token for /stuff."""
    count_attempt()
    asked = load_body(CredentialsSchema)
    session = sign_in(asked["email"], asked["password"])
    until = datetime.fromtimestamp(session.expires_at / 1000, UTC).isoformat(timespec="seconds")
    response = json_response({"token": session.token, "expiresAt": until.replace("+00:00", "Z")})
    response.headers["Authentication"] = session.token
    return response


@blueprint.get("/stuff")
def things() -> Response:
    """All of the caller's things, oldest first."""
    return json_response([asdict(thing) for thing in services().things.all(identify().user_id)])


@blueprint.post("/stuff")
def add() -> Response:
    """A new thing."""
    user_id = identify().user_id
    thing = {"content": "", **load_body(ThingSchema)}
    return json_response(asdict(services().things.add(user_id, **thing)), 201)


@blueprint.put("/stuff/<int:thing_id>")
def change(thing_id: int) -> Response:
    """Another name, and another content where one is given; all of the caller's things."""
    user_id = identify().user_id
    changed = load_body(ThingSchema)
    return json_response([asdict(thing) for thing in services().things.change(user_id, _known(thing_id), changed)])


@blueprint.delete("/stuff/<int:thing_id>")
def remove(thing_id: int) -> Response:
    """One thing less."""
    services().things.remove(identify().user_id, _known(thing_id))
    return json_response({"code": 200, "message": f"Your thing (id: {thing_id}) was deleted"})


def _known(thing_id: int) -> int:
    """Raises ChatError(NOT_FOUND) for what is too large to be an id."""
    if thing_id > _LARGEST_ID:
        raise ChatError(Problem.NOT_FOUND)
    return thing_id
