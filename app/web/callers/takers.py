"""Who takes a place, or a piece of a budget: by what of a caller it is counted."""

from flask import request

from app.engine.running_turns import Taker
from app.web.callers.caller import Caller
from app.web.server.addresses import network_of


def taker_of(caller: Caller) -> Taker:
    """A user, a visitor for whom a site vouches, a secret key, a widget key with the address, else the address.

    A widget's key stands in a public page, so each of its visitors counts; one who is known counts wherever they are.
    """
    if caller.session is not None:
        return Taker(caller.user_id)
    if caller.key is None:
        return Taker(address(), anonymous=True)
    if caller.end_user is not None:
        return Taker(caller.owner, caller.key.id)
    return Taker(caller.key.id if caller.key.kind == "secret" else f"{caller.key.id}:{address()}", caller.key.id)


def address() -> str:
    """The caller's, as `network_of` has it."""
    return network_of(request.remote_addr or "local")  # a Unix socket has no address
