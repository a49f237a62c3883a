"""Looks names up in threads of the tool's own, so that a slow name server of a listed host stops nobody else.

A look-up waits inside the C library and cannot be cut: the system's resolver decides how long it takes, by default
up to 10 s for each name server in /etc/resolv.conf. gevent's own threads look up models' names meanwhile.
"""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from time import monotonic
from typing import Any, NamedTuple

from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

THREADS = 4

Found = Sequence[tuple[Any, Any, Any, Any, Any]]
LookUp = Callable[..., Found]
"""Takes and returns what `socket.getaddrinfo` does."""


class _Running(NamedTuple):
    result: Any  # gevent's AsyncResult of what `_outcome` returns
    since: float  # monotonic


class Lookups:
    """A `LookUp` that lets other greenlets go on. At most THREADS names are looked up at a time, each once for all who
    ask for it meanwhile.

    Who comes later waits for a free thread. Where all of them have been taken for longer than `seconds`, nobody waits:
    TimeoutError, until one comes back. Use it in one native thread; `look_up` is called in others.
    """

    def __init__(self, seconds: float, look_up: LookUp | None = None) -> None:
        self._seconds = seconds
        self._look_up = look_up or get_original("socket", "getaddrinfo")
        self._running: dict[tuple[str, int], _Running] = {}
        self._free = BoundedSemaphore(THREADS)
        self._threads: ThreadPool | None = None  # made where it is used: it belongs to one process

    def __call__(self, host: str, port: int, **options: Any) -> Found:
        """Raises OSError or UnicodeError where there is no address, and TimeoutError."""
        if _is_address(host):
            return self._look_up(host, port, **options)  # asks nobody
        running = self._running.get((host, port)) or self._begin(host, port, options)
        found, error = running.result.get()
        if error is not None:
            raise error
        return found or ()

    def _begin(self, host: str, port: int, options: dict[str, Any]) -> _Running:
        if len(self._running) >= THREADS and monotonic() - max(self._since()) > self._seconds:
            raise TimeoutError("all threads wait for name servers that do not answer")
        self._free.acquire()
        key = host, port
        if key in self._running:  # somebody else was first
            self._free.release()
            return self._running[key]
        self._threads = self._threads or ThreadPool(THREADS)
        result = self._threads.spawn(self._outcome, host, port, options)
        self._running[key] = running = _Running(result, monotonic())
        result.rawlink(lambda _: self._end(key))
        return running

    def _end(self, key: tuple[str, int]) -> None:
        del self._running[key]
        self._free.release()

    def _since(self) -> Sequence[float]:
        return [running.since for running in self._running.values()]

    def _outcome(self, host: str, port: int, options: dict[str, Any]) -> tuple[Found | None, Exception | None]:
        """In a thread. What one raises, gevent would print on standard error."""
        try:
            return self._look_up(host, port, **options), None
        except Exception as error:  # noqa: BLE001 - `__call__` raises it
            return None, error


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
