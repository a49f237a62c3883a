"""`flask move`: from SQLite to PostgreSQL."""

import os
from pathlib import Path

import click
from sqlalchemy import URL

from app.cli.common import store_errors_told
from app.store.faults import os_problem
from app.store.locks import try_lock
from app.store.moving import MoveError, move
from app.store.owning import own_postgres
from app.store.schema import why_not_prepared
from app.store.urls import database_url, place_of, sqlite_file


@click.command("move")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("url", metavar="POSTGRES_URL")
def move_database(file: Path, url: str) -> None:
    """Copy the SQLite database FILE into the empty PostgreSQL database at POSTGRES_URL.

    No server may run with either. FILE stays as it is. What was broken off goes on where it was when the same command
    is given again. Prints the tables and how many rows each has; set DATABASE_URL to POSTGRES_URL then.
    """
    target = _target(url)
    source = str(URL.create("sqlite", database=str(file.absolute())))
    if problem := why_not_prepared(source):
        raise click.ClickException(f"It cannot be moved: {problem}.")
    try:
        descriptor = try_lock(Path(f"{file.resolve()}.lock"))
    except OSError as error:
        raise click.ClickException(os_problem(error)) from error
    if descriptor is None:
        raise click.ClickException(f"A server runs with {file}: stop it first.")
    try:
        with store_errors_told(place_of(target)):
            owner = own_postgres(target)
            if owner is None:
                raise click.ClickException(f"A server runs with {place_of(target)}: stop it first.")
            with owner:
                counts = move(file.absolute(), target, _tell)
    except MoveError as error:
        raise click.ClickException(str(error)) from error
    finally:
        os.close(descriptor)
    for name, count in counts.items():
        click.echo(f"{name}\t{count}")


def _target(url: str) -> str:
    try:
        target = database_url(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if sqlite_file(target):
        raise click.UsageError("POSTGRES_URL is one of SQLite.")
    return target


def _tell(table: str, copied: int, total: int) -> None:
    click.echo(f"{table}: {copied} of {total}", err=True)
