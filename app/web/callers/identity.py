"""From the credential that a request carries to its caller."""

from flask import g, request

from app.engine.errors import ChatError, Problem
from app.store.keys import Key, normalised_origin
from app.web.callers.caller import Caller
from app.web.services import services


def identify() -> Caller:
    """The caller of this request; looked up once, however often it is asked for.

    Raises ChatError: UNAUTHORIZED, or FORBIDDEN for an origin that is not the key's.
    """
    identity: Caller | ChatError | None = g.get("identity")
    if identity is None:
        try:
            identity = _identify()
        except ChatError as error:
            if error.problem not in (Problem.UNAUTHORIZED, Problem.FORBIDDEN):
                raise
            identity = error
        g.identity = identity
    if isinstance(identity, ChatError):
        raise identity
    return identity


def _identify() -> Caller:
    shared = services()
    wire = shared.wire_of(request.path)
    assert wire, "only wires know their callers"
    for credential in wire.credentials:
        presented = credential.presented(request)
        if presented is not None:
            break
    else:
        public = shared.settings.public_agent if wire.anonymous else None
        if public is None:
            raise ChatError(Problem.UNAUTHORIZED)
        return Caller(public, "anonymous", None)
    if wire.signed_in:
        session = shared.users.session(presented.decode("latin-1"))
        if session is None:
            raise ChatError(Problem.UNAUTHORIZED)
        return Caller(shared.settings.default_agent, f"user:{session.user.id}", None, session)
    key = shared.keys.find(presented)
    agent = shared.settings.agents.get(key.agent) if key and key.kind in wire.key_kinds else None
    if key is None or agent is None:
        raise ChatError(Problem.UNAUTHORIZED)
    if key.kind == "widget" and wire.key_kinds != ("widget",) and wire.name not in agent.widget_key_wires:
        raise ChatError(Problem.FORBIDDEN, "Widget keys of this agent are not for this API")
    _check_origin(key)
    return Caller(agent, f"key:{key.id}", key)


def _check_origin(key: Key) -> None:
    origin = request.headers.get("Origin")
    if origin is None:
        if key.require_origin and _same_origin() not in key.origins:
            raise ChatError(Problem.FORBIDDEN)
    elif key.origins and origin.lower() not in key.origins:
        raise ChatError(Problem.FORBIDDEN)


def _same_origin() -> str | None:
    """The origin of a page that reads from its own server: browsers send no `Origin` then, but say that it is so. What
    other programs say of themselves is worth as little here as in `Origin`."""
    if request.headers.get("Sec-Fetch-Site") != "same-origin":
        return None
    try:
        return normalised_origin(f"{request.scheme}://{request.host}")
    except ValueError:
        return None
