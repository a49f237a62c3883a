"""Who takes a place, or a piece of a budget: by what of a caller it is counted."""

import re
from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request

from app.engine.running_turns import Taker
from app.web.callers.caller import Caller

_WITH_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]+|\[(?P<v6>[^]]+)\](?::[0-9]+)?")  # as some proxies say it


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


def network_of(text: str) -> str:
    """The address, without a port; of IPv6 the /64 network, all of whose addresses one household has."""
    with_port = _WITH_PORT.fullmatch(text)
    if with_port:
        text = with_port["v4"] or with_port["v6"]
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address) and not address.ipv4_mapped:
        return str(IPv6Network((address, 64), strict=False))
    return text
