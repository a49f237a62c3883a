"""/api/auth: signing up, in and out, and who has signed in."""

from flask import Response, request

from app.dialects.chats import present
from app.dialects.chats.blueprint import COOKIE, blueprint, give_cookie
from app.dialects.chats.schema import SignInSchema, SignUpSchema
from app.engine.errors import ChatError, Problem
from app.http.body import load_body
from app.http.identity import identify
from app.http.services import services
from app.http.signing_in import count_attempt, sign_in, sign_up
from app.http.wire import json_response
from app.store.users import Session


@blueprint.post("/api/auth/sign-up/email")
def create_account() -> Response:
    """A new user, signed in at once; where the configuration opens it."""
    count_attempt()
    if not services().settings.server.sign_up:
        raise ChatError(Problem.FORBIDDEN, "Sign-up is closed")
    return _signed_in(sign_up(**load_body(SignUpSchema)))


@blueprint.post("/api/auth/sign-in/email")
def open_session() -> Response:
    """A session, in the cookie."""
    count_attempt()
    asked = load_body(SignInSchema)
    try:
        return _signed_in(sign_in(**asked))
    except ChatError as error:
        if error.problem is Problem.UNAUTHORIZED:
            raise ChatError(Problem.UNAUTHORIZED, "Invalid email or password") from error
        raise


@blueprint.post("/api/auth/sign-out")
def close_session() -> Response:
    """No session any more, whether or not there was one."""
    token = COOKIE.presented(request)
    if token:
        services().users.sign_out(token.decode("latin-1"))
    response = json_response({"success": True})
    COOKIE.take_back(response, secure=request.is_secure)
    return response


@blueprint.get("/api/auth/session")
@blueprint.get("/api/auth/get-session")
def session() -> Response:
    """Who has signed in."""
    return json_response({"user": present.user(identify().user)})


def _signed_in(session: Session) -> Response:
    response = json_response({"user": present.user(session.user)})
    give_cookie(response, session)
    return response
