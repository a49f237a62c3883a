"""What several commands need: a group whose commands read the database, and how times are printed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup

from app.engine.errors import StoreError
from app.engine.texts import NUL
from app.store.faults import for_operators
from app.store.urls import place_of
from app.web.services import services

_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
_JOINERS = "\u200c\u200d"  # of Persian and Indic words, and of emoji


class StoreGroup(AppGroup):
    """Commands that need the tables. No argument may have a NUL, which no text there has."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if any(NUL in arg for arg in args):
            raise click.UsageError("No argument may have the character NUL (U+0000).")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with store_errors_told():
            return super().invoke(ctx)


@contextmanager
def store_errors_told(place: str | None = None) -> Iterator[None]:
    """Where the database (the server's, or the one at the `place`) cannot be read or written, the command ends with
    status 1 and one line that says why, instead of a traceback."""
    logging.getLogger("app.store").addHandler(logging.NullHandler())  # the store's own line would be a second one
    try:
        yield
    except StoreError as error:
        reason = for_operators(error, place or place_of(services().database.url))
        raise click.ClickException(f"The database does not answer as it should: {reason}.") from error


def utc_minute(milliseconds: int) -> str:
    """A time in epoch milliseconds as its minute in UTC, such as `2026-01-31 08:05`."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


class UtcTime(click.DateTime):
    """A date, which means its first moment in UTC, or a minute of it; loads into epoch milliseconds."""

    def __init__(self) -> None:
        super().__init__(_DATES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return int(super().convert(value, param, ctx).replace(tzinfo=UTC).timestamp()) * 1000


def printable(text: str) -> str:
    """In one line, and without what a terminal would obey."""
    return "".join(each if each.isprintable() or each in _JOINERS else " " for each in text)
