"""gunicorn's master: one server for each database, one worker that takes new questions, and reloads that cannot end
the server."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.settings.records import Settings
from app.settings.secret import secret_key
from app.store.faults import os_problem
from app.store.locks import try_lock
from app.store.schema import why_not_prepared

PREDECESSOR_SECONDS = 10.0  # for one that is ending; a worker whose master was killed notices within a second
_POLL_SECONDS = 0.1


def own_database(lock: Path) -> bool:
    """Lock the file that stands for the database, until this process and all workers forked from it have ended, and
    write this process's id into it; False where another server has it and does not end within PREDECESSOR_SECONDS.
    Raises OSError where it cannot be made."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while (descriptor := try_lock(lock)) is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return True


def owner_of(lock: Path) -> int | None:
    """The process id of the master that owns the database, None where there is none. Raises OSError where another
    user's processes cannot be looked at."""
    written = lock.read_text(encoding="ascii").strip() if lock.exists() else ""
    if not written.isdigit() or not Path(f"/proc/{written}").exists():
        return None
    files = (str(each.readlink()) for each in Path(f"/proc/{written}/fd").iterdir() if each.is_symlink())
    return int(written) if str(lock.resolve()) in files else None  # an id may be another process's by now


def why_not_served(settings: Settings) -> str | None:
    """What is wrong with the database or the home folder; None where a worker can work with them."""
    problem = why_not_prepared(settings.database_url)
    if problem:
        return f"The database cannot be served: {problem}"
    try:
        secret_key(settings.home)
    except OSError as error:
        return f"The home folder cannot be used: {os_problem(error)}"
    return None


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
