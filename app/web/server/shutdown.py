"""SIGTERM: no new turns, those under way may end, and what has not ended in time ends properly.

gunicorn alone would cut the streams: its arbiter and its worker wait for the same time, and the arbiter then kills.
"""

import signal
from time import monotonic
from typing import Any

import gevent

from app.engine.errors import ChatError, Problem
from app.engine.running_turns import RunningTurns

_POLL_SECONDS = 0.1
_REASON = "The server is restarting"


def end_turns_on_sigterm(running_turns: RunningTurns, seconds: float) -> None:
    """Wrap the SIGTERM handler of this process, which is gunicorn's: it accepts no more connections. Then no turn is
    admitted, and those that still run `seconds` later are cancelled."""
    stop_accepting = signal.getsignal(signal.SIGTERM)

    def on_sigterm(number: int, frame: Any) -> None:
        stop_accepting(number, frame)  # type: ignore[operator, misc]
        gevent.spawn(_end_turns, running_turns, seconds)

    signal.signal(signal.SIGTERM, on_sigterm)


def _end_turns(running_turns: RunningTurns, seconds: float) -> None:
    running_turns.refuse(_REASON)
    deadline = monotonic() + seconds
    while running_turns and monotonic() < deadline:
        gevent.sleep(_POLL_SECONDS)
    running_turns.cancel_all(ChatError(Problem.OVERLOADED, _REASON))
