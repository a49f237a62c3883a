"""The one blueprint of this wire, the cookie that its routes share, and what several of them ask of the store."""

from flask import Blueprint, Response, g, request

from app.engine.errors import ChatError, Problem
from app.store.chats import Chat
from app.store.users import Session
from app.web.callers.caller import Caller
from app.web.callers.credentials import CookieToken
from app.web.requests import ids
from app.web.services import services

COOKIE = CookieToken("parlance_session")

blueprint = Blueprint("chats", __name__)


@blueprint.after_request
def renew_cookie(response: Response) -> Response:
    """Where a session was renewed, the browser keeps its cookie longer too."""
    caller = g.get("identity")
    if (
        isinstance(caller, Caller)
        and caller.session
        and caller.session.renewed
        and "Set-Cookie" not in response.headers
    ):
        give_cookie(response, caller.session)
    return response


def give_cookie(response: Response, session: Session) -> None:
    COOKIE.give(request, response, session.token, session.cookie_seconds)


def stored_id(place: str, public: str) -> str:
    """An id as the store keeps it. Raises ChatError(INVALID), naming its place, for what is no UUID."""
    stored = ids.stored_id(public)
    if stored is None:
        raise ChatError(Problem.INVALID, f"{place}: Not a valid UUID.", fields={place: "Not a valid UUID."})
    return stored


def is_user(caller: Caller, public: str) -> bool:
    return ids.stored_id(public) == caller.user_id


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
