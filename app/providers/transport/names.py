"""The addresses of model servers' names, remembered: a slow name server stops no model that was found once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from gevent import socket

GOOD_SECONDS = 60
PATIENCE_SECONDS = 1  # how long an answer that is older is held back for a newer one
RETRY_SECONDS = 5  # how long it is used at once after a look-up has failed

Addresses = Sequence[tuple[int, Any]]
"""Family and socket address of each."""


@dataclass
class _Name:
    addresses: Addresses = ()
    until: float = 0  # monotonic time from which on to look again
    error: OSError | None = None  # of the last look-up
    looking: Any = None  # the greenlet that looks
    since: float = 0  # monotonic time at which it began


class Names:
    """Looks names up, each once for all who ask meanwhile, and remembers what was found: for GOOD_SECONDS without a
    question, and after that for as long as nothing newer is found. `look_up` takes and returns what
    `socket.getaddrinfo` does; gevent's works in threads.

    Holds an entry for each host and port that is asked for: those in the configuration.
    """

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._names: dict[tuple[str, int], _Name] = {}

    def addresses(self, host: str, port: int, seconds: float) -> Addresses:
        """Waits for at most `seconds`, or PATIENCE_SECONDS where older addresses are known. Raises OSError, which may
        be a TimeoutError."""
        name = self._names.setdefault((host, port), _Name())
        now = time.monotonic()
        if now < name.until:
            return name.addresses
        if name.looking is None:
            name.looking, name.since = gevent.spawn(self._look, name, host, port), now
        name.looking.join(max(name.since + PATIENCE_SECONDS - now, 0) if name.addresses else seconds)
        if name.addresses:
            return name.addresses
        raise name.error or TimeoutError(f"the name {host} was not found in time")

    def doubt(self, host: str, port: int) -> None:
        """Look again before the next use: nobody answers at these addresses."""
        if (host, port) in self._names:
            self._names[host, port].until = 0

    def _look(self, name: _Name, host: str, port: int) -> None:
        try:
            found = self._look_up(host, port, type=socket.SOCK_STREAM)
            name.addresses, name.error = [(family, address) for family, *_, address in found], None
            name.until = time.monotonic() + GOOD_SECONDS
        except (OSError, UnicodeError) as error:
            name.error = error if isinstance(error, OSError) else OSError(str(error))
            name.until = time.monotonic() + RETRY_SECONDS if name.addresses else 0
        finally:
            name.looking = None


NAMES = Names()
"""The worker's."""
