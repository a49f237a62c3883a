"""/api/auth: signing up, in and out, and who has signed in; as better-auth's client speaks with its server (1.7.25)."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from app.engine.errors import ChatError, Problem
from app.store.users import Session
from app.web.callers.accounts import sign_in, sign_up
from app.web.callers.identity import identify
from app.web.callers.origins import may_return_to
from app.web.requests.call import Call
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.chats import serializers
from app.wires.chats.errors import WRONG_CALLBACK, WRONG_PAIR
from app.wires.chats.routes import COOKIE, blueprint, give_cookie

MOST_TOKENS = 10  # cookies of one name that signing out looks at: a browser has one, or two where another was planted


@blueprint.post("/api/auth/sign-up/email")
def create_account(call: Call) -> Response:
    """A new user, signed in at once."""
    _checked_callback(call)
    session = sign_up(**call.body)
    return _signed_in(session, {})


@blueprint.post("/api/auth/sign-in/email")
def open_session(call: Call) -> Response:
    """A session, in the cookie. With an address to go on at, better-auth's client goes there."""
    url = _checked_callback(call)
    try:
        session = sign_in(**call.body)
    except ChatError as error:
        if error.problem is Problem.UNAUTHORIZED:
            raise ChatError(Problem.UNAUTHORIZED, WRONG_PAIR) from error
        raise
    return _signed_in(session, {"redirect": bool(url), **({"url": url} if url else {})})


@blueprint.post("/api/auth/sign-out")
def close_session(call: Call) -> Response:
    """No session any more, whether or not there was one."""
    _checked_callback(call)
    tokens = COOKIE.tokens(request)[:MOST_TOKENS]
    if tokens:
        services().users.sign_out(*(token.decode("latin-1") for token in tokens))
    response = json_response({"success": True})
    COOKIE.take_back(request, response)
    return response


@blueprint.get("/api/auth/get-session")
def get_session(_call: Call) -> Response:
    """Who has signed in, as better-auth's clients ask: `null` for nobody."""
    try:
        session = identify().session
    except ChatError as error:
        if error.problem is not Problem.UNAUTHORIZED:
            raise
        session = None
    if session is None:
        response = json_response(None)
        if COOKIE.tokens(request):
            COOKIE.take_back(request, response)
        return response
    return json_response({"session": serializers.session(session), "user": serializers.user(session.user)})


@blueprint.get("/api/auth/session")
def session(call: Call) -> Response:
    """Who has signed in."""
    return json_response({"user": serializers.user(call.caller.user)})


def _checked_callback(call: Call) -> str | None:
    """Taken out of the body. Raises ChatError(FORBIDDEN) where no browser may be sent there."""
    url: str | None = call.body.pop("callback_url")
    if url and not may_return_to(url):
        raise ChatError(Problem.FORBIDDEN, WRONG_CALLBACK)
    return url


def _signed_in(session: Session, more: Mapping[str, Any]) -> Response:
    """The token is in the cookie alone, which no page can read."""
    response = json_response({**more, "token": None, "user": serializers.user(session.user)})
    give_cookie(response, session)
    return response
