"""Connections to one model server: direct or through a proxy, with or without TLS, kept open between responses."""

import base64
import socket as posix
import time
from collections import deque
from select import POLLIN
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from gevent import socket, ssl
from gevent.monkey import get_original

from app.engine.exchange import Exchange
from app.providers.transport.http1 import ProtocolError, parse_head
from app.providers.transport.names import NAMES, Names

MOST_IDLE = 200
IDLE_SECONDS = 30  # routers and load balancers forget a silent connection, some after a minute, and tell neither end
_Poll = get_original("select", "poll")  # called without waiting; `select` knows no descriptor beyond 1,023


class Connections:
    """Hands out connected sockets to the server of `url` and takes back those that can be used again.

    At most MOST_IDLE are kept, each for IDLE_SECONDS (monotonic clock). Goes through the proxy that HTTPS_PROXY or
    HTTP_PROXY names, unless NO_PROXY names the host. `ca_file` replaces the system's trust store; `connect_seconds`
    limits the look-up of the name, and each attempt to connect to one address.
    """

    def __init__(self, url: SplitResult, ca_file: str | None, connect_seconds: float, names: Names = NAMES) -> None:
        self._url = url
        self._names = names
        self._seconds = connect_seconds
        self._tls = ssl.create_default_context(cafile=ca_file) if url.scheme == "https" else None
        self._proxy = proxy_of(url)
        self._idle: deque[tuple[float, Any]] = deque()  # (monotonic time of its return, socket), oldest first

    @property
    def request_prefix(self) -> str:
        """What precedes the path in a request line: a proxy for plain HTTP wants the whole URL."""
        return f"http://{self._url.netloc}" if self._proxy and not self._tls else ""

    def take(self, exchange: Exchange) -> tuple[Any, bool]:
        """A socket without a timeout, and whether it has been used before. Notes the phases of making a new one.

        Raises OSError or ProtocolError.
        """
        self.close_idle(before=time.monotonic() - IDLE_SECONDS)
        while self._idle:
            _, connection = self._idle.pop()
            if _is_open(connection):
                return connection, True
            connection.close()
        return self._connect(exchange), False

    def give_back(self, connection: Any) -> None:
        """Keep a connection whose response has been read to its end, or close it where MOST_IDLE are kept already."""
        if len(self._idle) < MOST_IDLE:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def close_idle(self, before: float) -> None:
        """Close the kept connections that were given back before this monotonic time."""
        while self._idle and self._idle[0][0] < before:
            self._idle.popleft()[1].close()

    def _connect(self, exchange: Exchange) -> Any:
        host, port = _address(self._url)
        connection = self._connected(*_address(self._proxy or self._url), exchange)
        try:
            connection.setsockopt(posix.IPPROTO_TCP, posix.TCP_NODELAY, 1)
            if self._proxy and self._tls:
                exchange.enter("proxy")
                _tunnel(connection, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", self._proxy)
            if self._tls:
                exchange.enter("tls")
                connection = self._tls.wrap_socket(connection, server_hostname=host)
            connection.settimeout(None)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connected(self, host: str, port: int, exchange: Exchange) -> Any:
        """A socket to the first address of the host that accepts a connection. Raises OSError."""
        problem = OSError(f"{host} has no address")
        exchange.enter("name")
        addresses = self._names.addresses(host, port, self._seconds)
        exchange.enter("connect")
        for family, address in addresses:
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(self._seconds)
                connection.connect(address)
            except OSError as error:
                connection.close()
                problem = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        self._names.doubt(host, port)
        raise problem


def _address(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or {"https": 443}.get(url.scheme, 80)


def proxy_of(url: SplitResult) -> SplitResult | None:
    """The proxy that the environment names for this URL, or None. Raises ValueError where it is not a URL."""
    named = getproxies().get(url.scheme)
    # Asked twice: NO_PROXY may name an IPv6 address with brackets, as in a URL, or without.
    if not named or proxy_bypass(url.netloc) or proxy_bypass(url.hostname or ""):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _tunnel(connection: Any, target: str, proxy: SplitResult) -> None:
    """Have the proxy connect to `target` (RFC 9110, section 9.3.6). Raises OSError or ProtocolError."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    data = b""
    while (head := parse_head(data)) is None:
        piece = connection.recv(4096)
        if not piece:
            raise ProtocolError("the proxy hung up")
        data += piece
    if head[0] != 200:
        raise ProtocolError(f"the proxy answered {head[0]}")


def _is_open(connection: Any) -> bool:
    """Whether an idle connection is still open: one that can be read from has been closed by the server."""
    look = _Poll()
    look.register(connection.fileno(), POLLIN)
    return not look.poll(0)
