"""gunicorn's master: one server for each database, one worker that takes new questions, and reloads that cannot end
the server."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.store.locks import try_lock

PREDECESSOR_SECONDS = 10.0  # for one that is ending; a worker whose master was killed notices within a second
_POLL_SECONDS = 0.1


def own_database(lock: Path) -> bool:
    """Lock the file that stands for the database, until this process and all workers forked from it have ended; False
    where another server has it and does not end within PREDECESSOR_SECONDS. Raises OSError where it cannot be made."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while try_lock(lock) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def guard_signals(arbiter: Any, problems: Callable[[], Sequence[str]]) -> None:
    """Change how gunicorn's master takes three signals.

    SIGTTIN and SIGTTOU, which would change the number of workers, are refused. SIGHUP, which loads the configuration
    anew and starts a worker with it, is refused where `problems` finds any in it: gunicorn would end the server.
    """
    reload = arbiter.handle_hup

    def refuse() -> None:
        arbiter.log.warning("signal refused: there is one worker, whose memory holds limits and running turns")

    def check_and_reload() -> None:
        found = problems()
        for problem in found:
            arbiter.log.error("not reloaded: %s", problem)
        if not found:
            reload()

    arbiter.handle_ttin = arbiter.handle_ttou = refuse
    arbiter.handle_hup = check_and_reload
