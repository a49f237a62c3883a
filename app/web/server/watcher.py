"""Whether a caller is still there: noticed at once, also while nothing is being written.

A caller who closes a connection and one who only closes its sending side (`shutdown(SHUT_WR)`, `nc -N`) look the same
at first: all that comes is the end of what they send. What is sent to them tells the two apart, since the kernel of one
who has closed answers with a reset. So something harmless is sent as soon as the sending side closes:

- before the head of the response: the next byte of `HTTP/1.1 `, with which each begins. The server sends the rest.
- in the middle of a stream: the wire's keep-alive. Where something else is on its way, that will do.
"""

import select
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent.monkey import get_original

LOOK_SECONDS = 0.1
PROBE_SECONDS = (0, 0.01, 0.1, 1, 5, 15, 45, 135, 405)
"""When a caller whose sending side is closed is probed, in seconds from then on: one may leave later."""

Probe = Callable[[], None]
"""Sends something harmless without waiting, if there is anything. Raises OSError where it cannot be sent."""

_FIRST_LOOK = 0.001  # seconds
_Poll = get_original("select", "poll")  # it does not wait
_ENDED = getattr(select, "POLLRDHUP", 0)  # Linux's; without it only a reset is seen behind unread bytes
_GONE = select.POLLERR | select.POLLHUP


class Watcher:
    """Calls `on_gone` once, when the caller has closed the connection or reset it.

    - A reset, and a Unix socket that is closed: within a millisecond.
    - A TCP connection that is closed: the caller's answer to the probe is awaited besides, which takes as long as the
      way there and back, and then up to `LOOK_SECONDS`, or up to as much again where that is less.
    - Behind bytes that nobody reads yet (the next request, sent ahead): `LOOK_SECONDS` more.
    - One who closes the sending side, and leaves later: with the next of `PROBE_SECONDS`, with the next bytes of a
      stream where these are earlier.

    `probe` may be replaced as the response goes on. Stop the watcher before the connection is used for anything else.
    `connection` is a gevent socket.
    """

    def __init__(self, connection: Any, probe: Probe, on_gone: Callable[[], None]) -> None:
        self.probe = probe
        self._connection = connection
        self._on_gone = on_gone
        self._ended_at: float | None = None  # monotonic time at which the sending side was seen closed
        self._probes = iter(PROBE_SECONDS)
        self._next_probe: float | None = next(self._probes)
        self._event: Any = gevent.get_hub().loop.io(connection.fileno(), 1)
        self._event.start(self._look)

    def stop(self) -> None:
        if self._event:
            self._event.close()
            self._event = None

    # What follows runs in the event loop, which must not wait.

    def _look(self) -> None:
        """Something can be read, which may be the end."""
        self.stop()
        try:
            ended = not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            self._leave()
            return
        if ended:
            self._ended_at = monotonic()
            self._look_again()
        else:  # it stays readable, whatever comes behind
            self._wait(LOOK_SECONDS)

    def _look_again(self) -> None:
        """Nobody reads what has come. Behind it, or instead of it, the caller may have ended what it sends."""
        self.stop()
        seen = self._state()
        if self._ended_at is None and seen & _ENDED:
            self._ended_at = monotonic()
        if self._ended_at is None:
            self._leave() if seen & _GONE else self._wait(LOOK_SECONDS)
            return
        elapsed = monotonic() - self._ended_at
        if seen & _GONE or self._answers_with_a_reset(elapsed):
            self._leave()
        else:
            self._wait(min(max(elapsed, _FIRST_LOOK), LOOK_SECONDS))

    def _answers_with_a_reset(self, elapsed: float) -> bool:
        """Probe, if it is time to."""
        if self._next_probe is None or elapsed < self._next_probe:
            return False
        self._next_probe = next(self._probes, None)
        try:
            self.probe()
        except BlockingIOError:
            return False  # what fills the way to the caller is a probe, too
        except OSError:
            return True
        return bool(self._state() & _GONE)

    def _state(self) -> int:
        look = _Poll()
        look.register(self._connection.fileno(), _ENDED)
        return sum(events for _, events in look.poll(0))  # of one descriptor

    def _wait(self, seconds: float) -> None:
        self._event = gevent.get_hub().loop.timer(seconds, ref=False)
        self._event.start(self._look_again)

    def _leave(self) -> None:
        gevent.spawn(self._on_gone)
