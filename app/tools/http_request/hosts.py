"""Where a request may go: strictly parsed URLs, and the hosts that the configuration lists."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from app.tools.base import ToolError

MOST_URL = 2000  # characters

_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # 2130706433, 0177.0.0.1, 127.1: addresses in disguise


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. `host` is a name in lower case or an IP address; `path` includes the query."""

    tls: bool
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Host:
    """A host that may be reached on ports 80 and 443, or on `port` alone; `*.name` covers every name below `name`."""

    name: str
    port: int | None

    def covers(self, target: Target) -> bool:
        """Whether the target is on this host, at a port that may be reached."""
        if target.port not in (_PORTS.values() if self.port is None else (self.port,)):
            return False
        if self.name.startswith("*."):
            return target.host.endswith(self.name[1:])
        return target.host == self.name

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


def parse_host(text: str) -> Host:
    """`name`, `*.name`, `name:port`, or an address. Raises ValueError."""
    try:
        wildcard, _, rest = text.rpartition("*.")
        parts = urlsplit(f"//{rest}")
        if wildcard or not _PRINTABLE.fullmatch(rest) or parts.netloc != rest or rest.endswith((":", ":0")):
            raise ValueError(text)
        name, port = _host(parts), parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a host such as api.example.com or *.example.com:8443.") from error
    if text.startswith("*."):
        if "." not in name or ":" in name or _NUMBER.fullmatch(name):
            raise ValueError(f"{text!r} covers too much: name a domain below {name!r}.")
        name = f"*.{name}"
    return Host(name, port)


def parse_url(url: str) -> Target:
    """Raises ToolError."""
    try:
        if not _PRINTABLE.fullmatch(url) or len(url) > MOST_URL:
            raise ValueError(url)
        parts = urlsplit(url)
        target = Target(
            tls=parts.scheme == "https",
            host=_host(parts),
            port=_PORTS[parts.scheme] if parts.port is None else parts.port,
            path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )
    except (ValueError, KeyError) as error:
        raise ToolError("That is not a URL such as https://api.example.com/path.") from error
    return target


def is_listed(target: Target, hosts: Sequence[Host]) -> bool:
    """Whether one of the hosts covers the target."""
    return any(host.covers(target) for host in hosts)


def _host(parts: SplitResult) -> str:
    """The host in canonical spelling, so that each host has only one. Raises ValueError."""
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise ValueError("credentials have no place in a URL")
    try:
        return str(ip_address(host))
    except ValueError:
        if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host) or "[" in parts.netloc:
            raise
        return host
