"""What several commands need: a group whose commands read the database, and how times are printed."""

from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError


class StoreGroup(AppGroup):
    """Commands that need the tables: where the database cannot be read, they end with status 1 and one line that says
    so, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OperationalError, ProgrammingError) as error:
            raise click.ClickException(
                f"The database does not answer as it should; has `flask prepare` been run? ({error.orig})"
            ) from error


def utc_minute(milliseconds: int) -> str:
    """A time in epoch milliseconds as its minute in UTC, such as `2026-01-31 08:05`."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")
