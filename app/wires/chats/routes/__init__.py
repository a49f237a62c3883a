"""The one blueprint of this wire, what is checked before each of its routes, and the cookie that they share."""

import re

from flask import Blueprint, Response, g, request

from app.engine.errors import ChatError, Problem
from app.store.chats import Chat
from app.store.users import Session
from app.web.callers.credentials import CookieToken
from app.web.callers.identity import Caller, identify
from app.web.callers.origins import refuse_other_sites
from app.web.services import services

COOKIE = CookieToken("parlance_session")
OPEN_PATHS = ("/api/auth/sign-up/email", "/api/auth/sign-in/email", "/api/auth/sign-out")

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SAFE = ("GET", "HEAD", "OPTIONS")

blueprint = Blueprint("chats", __name__)


@blueprint.before_request
def guard() -> None:
    """Who has no session is told so first. Then whatever changes something must not come from another site's page,
    which can send neither this type nor this origin."""
    if request.method == "OPTIONS":
        return
    if request.path not in OPEN_PATHS:
        identify()
    if request.method not in _SAFE:
        refuse_other_sites()
        if request.mimetype != "application/json":
            raise ChatError(Problem.UNSUPPORTED_TYPE)


@blueprint.after_request
def keep(response: Response) -> Response:
    """Renew the browser's cookie with its session; replies are not cached."""
    caller = g.get("identity")
    session = caller.session if isinstance(caller, Caller) else None
    if session and session.renewed and "Set-Cookie" not in response.headers:
        give_cookie(response, session)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def give_cookie(response: Response, session: Session) -> None:
    COOKIE.give(response, session.token, session.seconds, secure=request.is_secure)


def stored_id(place: str, public_id: str) -> str:
    """An id as the store keeps it. Raises ChatError(INVALID), naming its place, for what is no UUID."""
    if not UUID.fullmatch(public_id):
        raise ChatError(Problem.INVALID, f"{place}: Not a valid UUID.", fields={place: "Not a valid UUID."})
    return public_id.replace("-", "").lower()


def is_user(caller: Caller, public_id: str) -> bool:
    return bool(UUID.fullmatch(public_id)) and stored_id("userId", public_id) == caller.user_id


def own_chat(caller: Caller, chat_id: str, do: str) -> Chat:
    """The caller's chat. Raises ChatError: NOT_FOUND, or FORBIDDEN where it is another's; `do` is what may not be done
    to that one."""
    chat = find_chat(chat_id)
    if chat.owner != caller.owner:
        raise forbidden(do)
    return chat


def find_chat(chat_id: str) -> Chat:
    """Anybody's. Raises ChatError(NOT_FOUND)."""
    try:
        return services().chats.find(chat_id)
    except ChatError as error:
        if error.problem is Problem.NOT_FOUND:
            raise ChatError(Problem.NOT_FOUND, "Chat does not exist") from error
        raise


def forbidden(do: str) -> ChatError:
    return ChatError(Problem.FORBIDDEN, f"Cannot {do} another user's chat")
