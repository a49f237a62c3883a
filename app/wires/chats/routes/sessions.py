"""/api/auth: signing up, in and out, and who has signed in."""

from flask import Response, request

from app.engine.errors import ChatError, Problem
from app.store.users import Session
from app.web.callers.accounts import sign_in, sign_up
from app.web.requests.call import Call
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.chats import serializers
from app.wires.chats.routes import COOKIE, blueprint, give_cookie

MOST_TOKENS = 10  # cookies of one name that signing out looks at: a browser has one, or two where another was planted


@blueprint.post("/api/auth/sign-up/email")
def create_account(call: Call) -> Response:
    """A new user, signed in at once."""
    return _signed_in(sign_up(**call.body))


@blueprint.post("/api/auth/sign-in/email")
def open_session(call: Call) -> Response:
    """A session, in the cookie."""
    try:
        return _signed_in(sign_in(**call.body))
    except ChatError as error:
        if error.problem is Problem.UNAUTHORIZED:
            raise ChatError(Problem.UNAUTHORIZED, "Invalid email or password") from error
        raise


@blueprint.post("/api/auth/sign-out")
def close_session(_call: Call) -> Response:
    """No session any more, whether or not there was one."""
    tokens = COOKIE.tokens(request)[:MOST_TOKENS]
    if tokens:
        services().users.sign_out(*(token.decode("latin-1") for token in tokens))
    response = json_response({"success": True})
    COOKIE.take_back(request, response)
    return response


@blueprint.get("/api/auth/session")
@blueprint.get("/api/auth/get-session")
def session(call: Call) -> Response:
    """Who has signed in."""
    return json_response({"user": serializers.user(call.caller.user)})


def _signed_in(session: Session) -> Response:
    response = json_response({"user": serializers.user(session.user)})
    give_cookie(response, session)
    return response
