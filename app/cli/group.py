"""What the commands share."""

from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError


class StoreGroup(AppGroup):
    """Commands that need the tables."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OperationalError, ProgrammingError) as error:
            raise click.ClickException(
                f"The database does not answer as it should; has `flask prepare` been run? ({error.orig})"
            ) from error


def minute(milliseconds: int) -> str:
    """Of a time in epoch milliseconds, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")
