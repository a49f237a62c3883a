"""gunicorn's master: one server for each database, as many workers as it may have, and reloads that cannot end
the server."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.cluster.client import why_not_reached
from app.engine.errors import StoreError
from app.settings.environment import MOST_WORKERS, NEEDS_REDIS
from app.settings.records import Settings
from app.settings.secret import secret_file, secret_of
from app.store.faults import os_problem
from app.store.installation import check_secret
from app.store.locks import try_lock
from app.store.owning import own_postgres
from app.store.schema import why_not_prepared
from app.store.urls import place_of, sqlite_file

PREDECESSOR_SECONDS = 10.0  # for one that is ending; a worker whose master was killed notices within a second
_POLL_SECONDS = 0.1


_owned: list[Any] = []  # for as long as this process lives


def own_database(lock: Path, url: str, *, shared: bool) -> str | None:
    """Lock the file that stands for the database, until this process and all workers forked from it have ended, and
    write this process's id into it; one of PostgreSQL, which other hosts know too, is locked there besides, so that
    others may share it or not. Says why not where another server has it and does not end within PREDECESSOR_SECONDS.
    Raises OSError where the file cannot be made, and StoreError."""
    what = f"database {lock.with_suffix('')}" if sqlite_file(url) else f"home folder {lock.parent}"
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while (descriptor := try_lock(lock)) is None:
        if time.monotonic() > deadline:
            return f"Another server runs with the {what}, which has one at a time."
        time.sleep(_POLL_SECONDS)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    if sqlite_file(url):
        return None
    owner = own_postgres(url, PREDECESSOR_SECONDS, shared=shared)
    _owned.append(owner)
    several = "which has one at a time, or several that all have REDIS_URL"
    return None if owner else f"Another server runs with the database {place_of(url)}, {several}."


def owner_of(lock: Path) -> int | None:
    """The process id of the master that owns the database, None where there is none. Raises OSError where another
    user's processes cannot be looked at."""
    written = lock.read_text(encoding="ascii").strip() if lock.exists() else ""
    if not written.isdigit() or not Path(f"/proc/{written}").exists():
        return None
    files = (str(each.readlink()) for each in Path(f"/proc/{written}/fd").iterdir() if each.is_symlink())
    return int(written) if str(lock.resolve()) in files else None  # an id may be another process's by now


def why_not_served(settings: Settings) -> str | None:
    """What is wrong with the database, the home folder or Redis; None where a worker can work with them."""
    problem = why_not_prepared(settings.database_url)
    if problem:
        return f"The database cannot be served: {problem}"
    try:
        secret = secret_of(settings)
    except OSError as error:
        return f"The home folder cannot be used: {os_problem(error)}"
    problem = why_not_reached(settings.redis_url) if settings.redis_url else None
    if problem:
        return f"The Redis of REDIS_URL cannot be used: {problem}"
    try:
        is_ours = check_secret(settings.database_url, secret, keep=settings.secret_key is not None)
    except StoreError as error:
        return f"The installation's secret cannot be checked: {error.reason}"
    if is_ours:
        return None
    theirs = "PARLANCE_SECRET_KEY" if settings.secret_key else str(secret_file(settings.home))
    return (
        f"{theirs} has another installation's secret than the database: set PARLANCE_SECRET_KEY to the one that its "
        "other hosts have, or let it have this one from now on (`flask prepare --new-secret`)."
    )


def connections_of(streams: int) -> int:
    """How many connections a worker accepts. Streams have a cap of their own, which answers 503."""
    return 3 * streams + 2000


def descriptors_of(streams: int) -> int:
    """How many files it may have open for these."""
    return connections_of(streams) + 200


def why_not_so_many(workers: int, settings: Settings) -> str | None:
    """Why a server may not have this number of workers; None where it may."""
    if workers > 1 and not settings.redis_url:
        return NEEDS_REDIS
    return None if 1 <= workers <= MOST_WORKERS else f"A server has 1 to {MOST_WORKERS} workers."


def guard_signals(
    arbiter: Any, problems: Callable[[], Sequence[str]], why_not_so_many: Callable[[int], str | None]
) -> None:
    """Change how gunicorn's master takes three signals.

    SIGTTIN and SIGTTOU, which change the number of workers, are refused beyond what is allowed. SIGHUP, which loads the
    configuration anew and starts workers with it, is refused where `problems` finds any in it: gunicorn would end the
    server.
    """
    more, fewer, reload = arbiter.handle_ttin, arbiter.handle_ttou, arbiter.handle_hup

    def add_worker() -> None:
        problem = why_not_so_many(arbiter.num_workers + 1)
        if problem:
            arbiter.log.warning("signal refused: %s", problem)
        else:
            more()

    def end_worker() -> None:
        if arbiter.num_workers > 1:
            fewer()
        else:
            arbiter.log.warning("signal refused: there is one worker")

    def check_and_reload() -> None:
        found = problems()
        for problem in found:
            arbiter.log.error("not reloaded: %s", problem)
        if not found:
            reload()

    arbiter.handle_ttin, arbiter.handle_ttou, arbiter.handle_hup = add_worker, end_worker, check_and_reload
