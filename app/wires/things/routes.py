"""POST /login, and /stuff behind the token that it gives."""

from dataclasses import asdict
from datetime import UTC, datetime

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.web.callers.accounts import sign_in
from app.web.requests.call import Call
from app.web.responses.framing import json_response
from app.web.services import services

blueprint = Blueprint("things", __name__)

_LARGEST_ID = 2**63 - 1


@blueprint.post("/login")
def login(call: Call) -> Response:
    """A token for /stuff."""
    session = sign_in(call.body["email"], call.body["password"])
    until = datetime.fromtimestamp(session.expires_at / 1000, UTC).isoformat(timespec="seconds")
    response = json_response({"token": session.token, "expiresAt": until.replace("+00:00", "Z")})
    response.headers["Authentication"] = session.token
    return response


@blueprint.get("/stuff")
def things(call: Call) -> Response:
    """All of the caller's things, oldest first."""
    return json_response([asdict(thing) for thing in services().things.all(call.caller.user_id)])


@blueprint.post("/stuff")
def add(call: Call) -> Response:
    """A new thing."""
    thing = {"content": "", **call.body}
    return json_response(asdict(services().things.add(call.caller.user_id, **thing)), 201)


@blueprint.put("/stuff/<int:thing_id>")
def change(call: Call, thing_id: int) -> Response:
    """Another name, and another content where one is given; all of the caller's things."""
    things = services().things.change(call.caller.user_id, _stored_id(thing_id), call.body)
    return json_response([asdict(thing) for thing in things])


@blueprint.delete("/stuff/<int:thing_id>")
def remove(call: Call, thing_id: int) -> Response:
    """One thing less."""
    services().things.remove(call.caller.user_id, _stored_id(thing_id))
    return json_response({"code": 200, "message": f"Your thing (id: {thing_id}) was deleted"})


def _stored_id(thing_id: int) -> int:
    """Raises ChatError(NOT_FOUND) for what is too large to be an id."""
    if thing_id > _LARGEST_ID:
        raise ChatError(Problem.NOT_FOUND)
    return thing_id
