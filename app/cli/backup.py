"""`flask backup` and `flask restore`: a whole copy of what the server keeps, and back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.cli.common import store_errors_told
from app.cli.parts import parts
from app.settings.secret import secret_file
from app.store.backup import BackupError, read_backup, write_backup
from app.store.database import beside_database
from app.store.faults import os_problem
from app.store.locks import try_lock
from app.store.urls import sqlite_file

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
def backup(file: Path) -> None:
    """Write the database and the installation's secret to FILE, a tar archive, also while the server runs.

    FILE must not exist. It has its name once it is whole and checked, and holds secrets: only its owner may read it.
    """
    database, secret = _sqlite_file(), parts().secret
    with _problems_told(file):
        write_backup(database, secret, file.absolute())


@click.command()
@click.argument("file", type=_FILE)
def restore(file: Path) -> None:
    """Put the database and the secret of FILE, which `flask backup` has made, in their places.

    The server must not run, and there must be no database. Run `flask prepare` then, as each start does.
    """
    place, database = parts().place, _sqlite_file()
    lock = beside_database(place.database_url, place.home, "lock")
    with _problems_told(file):
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = try_lock(lock)
        if descriptor is None:
            raise BackupError("A server runs with this database: stop it first.")
        try:
            read_backup(file.absolute(), database, secret_file(place.home))
        finally:
            os.close(descriptor)


def _sqlite_file() -> Path:
    place = parts().place
    file = sqlite_file(place.database_url)
    if file is None:
        secret = secret_file(place.home)
        raise click.ClickException(f"The database is PostgreSQL's: use pg_dump and pg_restore, and keep {secret} too.")
    return file


@contextmanager
def _problems_told(file: Path) -> Iterator[None]:
    """In one line, with status 1."""
    try:
        with store_errors_told():
            yield
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        error.filename = error.filename or str(file)  # writing to what is open names none
        raise click.ClickException(os_problem(error)) from error
