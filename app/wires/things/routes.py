"""POST /login, and behind the token that it gives POST /logout and /stuff."""

from dataclasses import asdict
from datetime import UTC, datetime

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.store.pages import Page
from app.store.things import Thing
from app.web.callers.accounts import sign_in
from app.web.requests.call import Call
from app.web.requests.cursors import make_cursor, read_cursor
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.things.requests import MOST_ON_A_PAGE

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


@blueprint.post("/logout")
def logout(call: Call) -> Response:
    """The token works no more."""
    session = call.caller.session
    assert session, "the operation asks for one"
    services().users.sign_out(session.token)
    return json_response({"code": 200, "message": "You are signed out"})


@blueprint.get("/stuff")
def things(call: Call) -> Response:
    """The caller's things, oldest first: the first page, or with a cursor a later one."""
    user_id, query = call.caller.user_id, call.query
    (after,) = read_cursor(query["cursor"], ["things", user_id]) or (0,)
    return _listed(call, services().things.page(user_id, query["limit"], after), query["limit"])


@blueprint.post("/stuff")
def add(call: Call) -> Response:
    """A new thing."""
    thing = {"content": "", **call.body}
    return json_response(asdict(services().things.add(call.caller.user_id, **thing)), 201)


@blueprint.put("/stuff/<int:thing_id>")
def change(call: Call, thing_id: int) -> Response:
    """Another name, and another content where one is given; the first page of the caller's things."""
    page = services().things.change(call.caller.user_id, _stored_id(thing_id), call.body, MOST_ON_A_PAGE)
    return _listed(call, page, MOST_ON_A_PAGE)


@blueprint.delete("/stuff/<int:thing_id>")
def remove(call: Call, thing_id: int) -> Response:
    """One thing less."""
    services().things.remove(call.caller.user_id, _stored_id(thing_id))
    return json_response({"code": 200, "message": f"Your thing (id: {thing_id}) was deleted"})


def _listed(call: Call, page: Page[Thing], limit: int) -> Response:
    """The list is all of the body, so the header `Link` (RFC 8288) leads to the next page, where there is one."""
    response = json_response([asdict(thing) for thing in page.items])
    if page.has_more:
        cursor = make_cursor(["things", call.caller.user_id], [page.items[-1].id])
        response.headers["Link"] = f'</stuff?cursor={cursor}&limit={limit}>; rel="next"'
    return response


def _stored_id(thing_id: int) -> int:
    """Raises ChatError(NOT_FOUND) for what is too large to be an id."""
    if thing_id > _LARGEST_ID:
        raise ChatError(Problem.NOT_FOUND)
    return thing_id
