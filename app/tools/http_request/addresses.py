"""Which IP addresses lie in the public network, and which in an operator's own.

The lists stand here because the standard library's `is_global` has changed with patch releases of Python; they are
IANA's registries of special-purpose addresses.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from app.tools.http_request.metadata import is_metadata

Address = IPv4Address | IPv6Address

_PRIVATE = [
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
        *("fc00::/7", "::1/128"),
    )
]
_SPECIAL = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),  # the last is multicast and what is reserved
        *("2001::/23", "2001:db8::/32", "3fff::/20"),
    )
]
_GLOBAL_UNICAST = ip_network("2000::/3")  # no other IPv6 address is anywhere in the public network
_NAT64 = ip_network("64:ff9b::/96")


def is_global(address: Address) -> bool:
    """Whether packets to this address go to the public network, and to no special-purpose address in it."""
    return all(_is_global(each) and not is_metadata(each) for each in _destinations(address))


def is_private(address: Address) -> bool:
    """Whether this address belongs to a private network or to this machine. Where a cloud's metadata service may answer
    is neither private nor global."""
    return all(_is_in(each, _PRIVATE) and not is_metadata(each) for each in _destinations(address))


def _is_global(address: Address) -> bool:
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return not _is_in(address, [*_PRIVATE, *_SPECIAL])


def _is_in(address: Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)


def _destinations(address: Address) -> Sequence[Address]:
    """Where packets to this address end up: for an IPv6 address that embeds IPv4 addresses, these."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.teredo:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return (address.ipv4_mapped or address.sixtofour or address,)
