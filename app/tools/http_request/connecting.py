"""Connections to checked addresses: for models' requests, and for reading the pages of sites.

A name is resolved once, its addresses are checked, and the connection goes to an address that was checked: a name that
resolves to another address a moment later (DNS rebinding) reaches nothing. No proxy is used.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from ipaddress import ip_address
from typing import Any

from gevent import socket, ssl

from app.tools.base import ToolError
from app.tools.http_request.addresses import is_global, is_private
from app.tools.http_request.hosts import Target
from app.tools.http_request.lookups import LookUp
from app.tools.http_request.metadata import names_metadata


class Connector:
    """Connects to hosts that have public addresses, and where that is said of one, private ones.

    `seconds` bounds connecting, over all addresses of a host; no look-up and no handshake.
    """

    def __init__(self, look_up: LookUp, seconds: float) -> None:
        self._look_up, self._seconds = look_up, seconds

    @cached_property
    def _tls(self) -> Any:
        """Trusts the system's authorities and checks host names. Made once: it reads some hundred certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        return context

    def addresses(self, target: Target, *, private: bool) -> Sequence[tuple[Any, Any]]:
        """Address family and socket address of each way to the host, all checked. Raises ToolError."""
        if names_metadata(target.host):
            raise ToolError(f"{target.host} may not be reached.")
        try:
            resolved = self._look_up(target.host, target.port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise ToolError("Names cannot be looked up at the moment.") from error
        except (OSError, UnicodeError) as error:
            raise ToolError(f"There is no address for {target.host}.") from error
        for *_, address in resolved:
            ip = ip_address(address[0])
            if not is_global(ip) and not (private and is_private(ip)):
                raise ToolError(f"{target.host} has an address that may not be reached.")
        return [(family, address) for family, *_, address in resolved]

    @contextmanager
    def connected(self, target: Target, addresses: Sequence[tuple[Any, Any]]) -> Iterator[Any]:
        """A socket, with TLS where the URL asks for it. Raises OSError."""
        connection = _connect(addresses, self._seconds / len(addresses))
        try:
            if target.tls:
                connection = self._tls.wrap_socket(
                    connection, server_hostname=target.host, do_handshake_on_connect=False
                )
                connection.do_handshake()
            yield connection
        finally:
            connection.close()


def _connect(addresses: Sequence[tuple[Any, Any]], seconds: float) -> Any:
    """A socket to the first address that accepts a connection; each has `seconds`. Raises OSError."""
    *others, (family, address) = reversed(addresses)
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
        connection.settimeout(None)  # the time limit of the call holds
    except BaseException as error:
        connection.close()
        if not isinstance(error, OSError) or not others:
            raise
    else:
        return connection
    return _connect(others[::-1], seconds)
