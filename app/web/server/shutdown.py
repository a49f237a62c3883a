"""SIGTERM: who is connected is answered, and nobody who comes later; turns under way may end, and what has not ended in
time ends properly.

gunicorn alone would cut the streams: its arbiter and its worker wait for the same time, and the arbiter then kills.
"""

import signal
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent

from app.engine.errors import ChatError, Problem
from app.engine.running_turns import RunningTurns

_POLL_SECONDS = 0.1
_LAST_SECONDS = 0.5  # for the requests of those who were the last to connect
_REASON = "The server is restarting"


def end_turns_on_sigterm(
    running_turns: RunningTurns, seconds: float, accepts: Callable[[], bool], hurry: Callable[[], None]
) -> None:
    """Wrap the SIGTERM handler of this process, which is gunicorn's: it accepts no more connections, within a second.

    Who was connected before is answered; once the process `accepts` none, no turn is admitted any more, and those that
    still run `seconds` after the signal are cancelled. What waits for the database may `hurry` then.
    """
    stop_accepting = signal.getsignal(signal.SIGTERM)

    def on_sigterm(number: int, frame: Any) -> None:
        stop_accepting(number, frame)  # type: ignore[operator, misc]
        gevent.spawn(_end_turns, running_turns, seconds, accepts, hurry)

    signal.signal(signal.SIGTERM, on_sigterm)


def _end_turns(
    running_turns: RunningTurns, seconds: float, accepts: Callable[[], bool], hurry: Callable[[], None]
) -> None:
    deadline = monotonic() + seconds
    while accepts() and monotonic() < deadline:
        gevent.sleep(_POLL_SECONDS)
    gevent.sleep(min(_LAST_SECONDS, max(0, deadline - monotonic())))
    running_turns.refuse(_REASON)
    while running_turns and monotonic() < deadline:
        gevent.sleep(_POLL_SECONDS)
    running_turns.cancel_all(ChatError(Problem.OVERLOADED, _REASON))
    hurry()
