"""Connections to one model server, kept open between streams."""

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

from app.providers.transport.http1 import ProtocolError, parse_head

MOST_IDLE = 200
IDLE_SECONDS = 30  # after a minute the first routers and balancers forget a silent connection, and tell neither end
_Poll = get_original("select", "poll")  # it does not wait; and `select` knows no descriptor beyond 1,023


class Connections:
    """Hands out connected sockets to the server of `url` and takes back those that can be used again.

    Goes through the proxy that HTTPS_PROXY or HTTP_PROXY names, unless NO_PROXY names the host. `ca_file` replaces
    the system's trust store.
    """

    def __init__(self, url: SplitResult, ca_file: str | None, connect_seconds: float) -> None:
        self._url = url
        self._seconds = connect_seconds
        self._tls = ssl.create_default_context(cafile=ca_file) if url.scheme == "https" else None
        self._proxy = proxy_of(url)
        self._idle: deque[tuple[float, Any]] = deque()  # since when, and the socket; the oldest first

    @property
    def request_prefix(self) -> str:
        """What stands before the path in a request line: a proxy for plain HTTP wants the whole address."""
        return f"http://{self._url.netloc}" if self._proxy and not self._tls else ""

    def take(self) -> tuple[Any, bool]:
        """A socket, and whether it has been used before. Raises OSError or ProtocolError."""
        self.forget(time.monotonic() - IDLE_SECONDS)
        while self._idle:
            _, connection = self._idle.pop()
            if _is_open(connection):
                return connection, True
            connection.close()
        return self._connect(), False

    def give_back(self, connection: Any) -> None:
        """For a connection whose response has been read to its very end."""
        if len(self._idle) < MOST_IDLE:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def forget(self, before: float) -> None:
        """Close those that have been idle since before that moment of the monotonic clock."""
        while self._idle and self._idle[0][0] < before:
            self._idle.popleft()[1].close()

    def _connect(self) -> Any:
        host, port = _address(self._url)
        connection = socket.create_connection(_address(self._proxy or self._url), self._seconds)
        try:
            connection.setsockopt(posix.IPPROTO_TCP, posix.TCP_NODELAY, 1)
            if self._proxy and self._tls:
                _tunnel(connection, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", self._proxy)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_hostname=host)
            connection.settimeout(None)
        except BaseException:
            connection.close()
            raise
        return connection


def _address(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "", url.port or {"https": 443}.get(url.scheme, 80)


def proxy_of(url: SplitResult) -> SplitResult | None:
    """Raises ValueError where what is named is no address."""
    named = getproxies().get(url.scheme)
    # As it stands in a URL, and bare: NO_PROXY may name an IPv6 address with brackets or without.
    if not named or proxy_bypass(url.netloc) or proxy_bypass(url.hostname or ""):
        return None
    return urlsplit(named if "://" in named else f"http://{named}")


def _tunnel(connection: Any, target: str, proxy: SplitResult) -> None:
    """RFC 9110, section 9.3.6."""
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
    """An idle connection has nothing to say: what can be read from one is its end."""
    look = _Poll()
    look.register(connection.fileno(), POLLIN)
    return not look.poll(0)
