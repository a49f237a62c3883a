"""The environment variables that the server reads, and their checks."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app.store.keys import normalised_origin

_HOST = re.compile(r"(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)


def host_name(host: str) -> str | None:
    """What a `Host` header names, in lower case and without the port; None where that is nothing."""
    match = _HOST.fullmatch(host)
    return match["name"].lower() if match else None


class Hosts(fields.Field[list[str]]):
    """Names and addresses, separated by spaces or commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        hosts: list[str] = value.lower().replace(",", " ").split()
        for host in hosts:
            if host_name(host) != host:
                raise ValidationError(f"{host!r} is not a host such as chat.example.com, without scheme and port.")
        return hosts


class Origins(fields.Field[list[str]]):
    """Origins, separated by spaces or commas. Loads into their normalised forms."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        try:
            return [normalised_origin(origin) for origin in value.replace(",", " ").split()]
        except ValueError as error:
            raise ValidationError(str(error)) from error


def _check_workers(count: int) -> None:
    if count > 1:
        raise ValidationError(
            "More than one worker needs a shared place for rate limits and running turns (otherwise every limit would "
            "silently be multiplied), and this version has none. Leave it at 1: one worker serves a thousand streams."
        )


def _check_redis(_url: str) -> None:
    raise ValidationError(
        "This version cannot use Redis yet; limits and running turns live in the one worker. Unset it."
    )


def _check_database(url: str) -> None:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ValidationError(f"Not a database URL that can be used: {error}") from error
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise ValidationError(
            f"This version takes SQLite only, for instance sqlite:////var/lib/parlance/parlance.db, and not "
            f"{parsed.drivername}."
        )
    if parsed.database in (None, "", ":memory:"):
        raise ValidationError("SQLite needs a file, for instance sqlite:////var/lib/parlance/parlance.db")


def _check_home(path: str) -> None:
    with suppress(OSError):  # one that cannot be entered is told by what needs it, with the user
        if Path(path).exists() and not Path(path).is_dir():
            raise ValidationError(f"{path} is not a folder.")


class EnvironmentSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    PORT = fields.Integer(
        load_default=8000,
        validate=validate.Range(0, 65535),
        metadata={"description": "Port on 127.0.0.1; gunicorn's `--bind` goes before it. With 0 the system chooses"},
    )
    PARLANCE_HOME = fields.String(
        validate=_check_home,
        metadata={
            "description": "Folder of the database and of the installation's secret",
            "default": "`instance/`",
        },
    )
    PARLANCE_CONFIG = fields.String(
        metadata={
            "description": "The configuration file; relative paths in it start from its folder",
            "default": "`config/parlance.toml`",
        }
    )
    DATABASE_URL = fields.String(
        validate=_check_database,
        metadata={
            "description": "A SQLite URL; no other database can be used. One server runs with the file at a time, and "
            "keeps `<file>.lock` and `<file>.workers/` beside it",
            "default": "`parlance.db` in `PARLANCE_HOME`",
        },
    )
    REDIS_URL = fields.String(validate=_check_redis, metadata={"description": "Must stay unset in this version"})
    WEB_CONCURRENCY = fields.Integer(
        load_default=1,
        validate=[validate.Range(1), _check_workers],
        metadata={
            "description": "Must stay 1 in this version: limits and running turns live in the worker's memory",
            "unit": "processes",
        },
    )
    PARLANCE_TRUSTED_HOPS = fields.Integer(
        load_default=0,
        validate=validate.Range(0, 10),
        metadata={
            "description": "How many proxies of yours stand in front and add to `X-Forwarded-For`. With too few, all "
            "visitors share one limit, and ten answers at once; with too many, callers can invent their address",
            "unit": "proxies",
        },
    )
    PARLANCE_HOSTS = Hosts(
        load_default=list,
        metadata={
            "description": "The names under which callers reach the server, separated by spaces or commas, without "
            "scheme and port. A request for any other host is refused (421), but for `/health` and `/ready`, which "
            "balancers ask for by address. Empty: any host",
            "type": "list of hosts",
        },
    )
    PARLANCE_ALLOWED_ORIGINS = Origins(
        load_default=list,
        metadata={
            "description": "Origins that browsers may call from, beside those of widget keys, separated by spaces or "
            "commas; only these may use session cookies",
            "type": "list of origins",
        },
    )
