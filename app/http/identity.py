"""Who asks: whatever credential came, one identity comes out."""

from dataclasses import dataclass

from flask import g, request

from app.engine.errors import ChatError, Problem
from app.engine.ports import Agent
from app.http.services import services
from app.store.keys import Key


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds the credential. `owner` is what conversations belong to; `key` is None for anonymous callers."""

    agent: Agent
    owner: str
    key: Key | None


def identify() -> Caller:
    """The caller of this request. Raises ChatError: UNAUTHORIZED, or FORBIDDEN for an origin that is not the key's."""
    known: Caller | ChatError | None = g.get("identity")
    if known is None:
        try:
            known = _identify()
        except ChatError as error:
            if error.problem not in (Problem.UNAUTHORIZED, Problem.FORBIDDEN):
                raise
            known = error
        g.identity = known
    if isinstance(known, ChatError):
        raise known
    return known


def _identify() -> Caller:
    shared = services()
    dialect = shared.dialects[request.blueprint or ""]
    for credential in dialect.credentials:
        presented = credential.presented(request)
        if presented is not None:
            break
    else:
        public = shared.settings.public_agent if dialect.anonymous else None
        if public is None:
            raise ChatError(Problem.UNAUTHORIZED)
        return Caller(public, "anonymous", None)
    key = shared.keys.find(presented)
    agent = shared.settings.agents.get(key.agent) if key and key.kind == dialect.key_kind else None
    if key is None or agent is None:
        raise ChatError(Problem.UNAUTHORIZED)
    _check_origin(key, request.headers.get("Origin"))
    return Caller(agent, f"key:{key.id}", key)


def _check_origin(key: Key, origin: str | None) -> None:
    if origin is None:
        if key.require_origin:
            raise ChatError(Problem.FORBIDDEN)
    elif key.origins and origin.lower() not in key.origins:
        raise ChatError(Problem.FORBIDDEN)
