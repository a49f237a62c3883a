"""`flask reload`: a running server takes up what parlance.toml says now."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli.parts import parts
from app.configuration import load_configuration
from app.settings.mistakes import SettingsError
from app.settings.records import Settings
from app.store.database import beside_database
from app.web.server.master import owner_of, why_not_served

_START_SECONDS = 60  # for a worker, on a busy machine
_POLL_SECONDS = 0.1


@click.command("reload")
def reload_server() -> None:
    """Have the server of this database read parlance.toml anew: a new worker takes over, the old one ends its answers.

    The configuration is checked first, with the server's own environment: where it has a mistake, nothing happens but
    that each is named, and the status is 2. Returns when the new worker serves.
    """
    settings = parts().settings  # checked, as the server would load them with these variables
    lock, workers = (beside_database(settings.database_url, settings.home, name) for name in ("lock", "workers"))
    try:
        pid = owner_of(lock)
        if pid is None:
            raise click.ClickException(f"No server runs with the database {lock.with_suffix('')}.")
        settings = _checked(pid)
        before = set(_names(workers))
        os.kill(pid, signal.SIGHUP)
    except PermissionError as error:
        raise click.ClickException("Another user's server runs with the database: reload it as that user.") from error
    except ProcessLookupError as error:
        raise click.ClickException("The server has just ended.") from error
    _wait(lock, workers, before, settings.server.shutdown_seconds + _START_SECONDS)


def _checked(pid: int) -> Settings:
    """What the server will load. Ends the command where that has mistakes."""
    written = Path(f"/proc/{pid}/environ").read_bytes()
    pairs = (each.partition(b"=") for each in written.split(b"\0") if b"=" in each)
    os.environ.clear()  # the settings look there for keys, too
    os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs})
    os.chdir(f"/proc/{pid}/cwd")  # where its relative paths start
    problem = None
    try:
        settings = load_configuration().settings
        problem = why_not_served(settings)
    except SettingsError as error:
        _refuse(*error.problems)
    if problem:
        _refuse(problem)
    return settings


def _refuse(*problems: str) -> None:
    click.echo("\n".join(["Not reloaded. Please correct:", *(f"  - {each}" for each in problems)]), err=True)
    raise SystemExit(2)


def _wait(lock: Path, workers: Path, before: set[str], seconds: float) -> None:
    """Until a worker is there that was not. One says so as soon as it serves; the server may still be waiting for an
    earlier reload's old worker."""
    deadline = time.monotonic() + seconds
    while not set(_names(workers)) - before:
        if owner_of(lock) is None:
            raise click.ClickException("The server has ended; its log says why.")
        if time.monotonic() > deadline:
            raise click.ClickException(f"There is no new worker after {seconds:g} s; the server's log says why.")
        time.sleep(_POLL_SECONDS)


def _names(folder: Path) -> Iterator[str]:
    return (entry.name for entry in folder.iterdir()) if folder.exists() else iter(())
