"""Addresses of callers, as the kernel and proxies say them: with a port, in brackets, with a zone, IPv4 within IPv6."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_WRITTEN = re.compile(r"(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|\[(?P<in_brackets>[^\]]+)\](?::[0-9]{1,5})?|(?P<v6>[^\[\]]+)")
_TRANSLATED = IPv6Network("64:ff9b::/96")  # IPv4 behind a NAT64 (RFC 6052)
_LONGEST = 100  # characters: an address with brackets, a zone and a port

_remembered = lru_cache(4096)  # each request asks several times


def plain_address(text: str) -> str | None:
    """The address alone, in its shortest form: without a port, brackets and a zone, and IPv4 as such also where it came
    within IPv6. None for what is no address, such as `unknown`, `_hidden`, `unix:` and nothing."""
    return _plain(text) if len(text) <= _LONGEST else None


@_remembered
def _plain(text: str) -> str | None:
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        return None
    try:
        address = ip_address((written["v4"] or written["in_brackets"] or written["v6"]).partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            return str(IPv4Address(int(address) & 0xFFFFFFFF))
        return str(address.ipv4_mapped or address)
    return str(address)


def network_of(text: str) -> str:
    """Whom an address counts as: itself, or of IPv6 its /64 network, all of whose addresses one household has; by
    single addresses there would be no limit at all. What is no address stays as it is."""
    address = plain_address(text)
    if address is None:
        return text
    return _network(address) if ":" in address else address


@_remembered
def _network(address: str) -> str:
    return str(IPv6Network((address, 64), strict=False))
