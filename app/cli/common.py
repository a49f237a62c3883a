"""What several commands need: a group whose commands read the database, and how lists and times are printed."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from app.cli.parts import parts
from app.engine.errors import StoreError
from app.engine.texts import NUL

Command = TypeVar("Command", bound=Callable[..., Any])

_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
_JOINERS = "\u200c\u200d"  # of Persian and Indic words, and of emoji


class StoreGroup(click.Group):
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
        from app.store.faults import for_operators
        from app.store.urls import place_of

        reason = for_operators(error, place or place_of(parts().place.database_url))
        raise click.ClickException(f"The database does not answer as it should: {reason}.") from error


def json_option(command: Command) -> Command:
    """`--json`, the argument `as_json`, for commands that list."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document.")(command)


def echo_json(found: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    """As one document; dates and times in ISO 8601."""
    import orjson

    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z))


def utc(milliseconds: int) -> datetime:
    """A time in epoch milliseconds, as JSON has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def utc_minute(milliseconds: int) -> str:
    """A time in epoch milliseconds as its minute in UTC, such as `2026-01-31 08:05`."""
    return utc(milliseconds).strftime("%Y-%m-%d %H:%M")


class UtcTime(click.DateTime):
    """A date, which means its first moment in UTC, or a minute of it; loads into epoch milliseconds."""

    def __init__(self) -> None:
        super().__init__(_DATES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return int(super().convert(value, param, ctx).replace(tzinfo=UTC).timestamp()) * 1000


def printable(text: str) -> str:
    """In one line, and without what a terminal would obey."""
    return "".join(each if each.isprintable() or each in _JOINERS else " " for each in text)
