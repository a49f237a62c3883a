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


def end_streams_on_term(worker: Any, seconds: float) -> None:
    """Wrap the SIGTERM handler of a gunicorn worker whose application has been loaded."""
    live: RunningTurns = worker.wsgi.extensions["parlance"].engine.live
    stop = signal.getsignal(signal.SIGTERM)

    def on_term(number: int, frame: Any) -> None:
        stop(number, frame)  # type: ignore[operator, misc]  # gunicorn's own handler: accept no more connections
        gevent.spawn(_end_turns, live, seconds)

    signal.signal(signal.SIGTERM, on_term)


def _end_turns(live: RunningTurns, seconds: float) -> None:
    live.refuse(_REASON)
    deadline = monotonic() + seconds
    while live and monotonic() < deadline:
        gevent.sleep(_POLL_SECONDS)
    live.cancel_all(ChatError(Problem.OVERLOADED, _REASON))
