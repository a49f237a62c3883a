"""The environment variables that the server reads, and their checks."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from app.cluster.urls import check_url
from app.store.keys import normalised_origin
from app.store.urls import database_url

MOST_WORKERS = 64  # of one server: a number above is a slip
NEEDS_REDIS = (
    "More than one worker needs REDIS_URL, where they count together what callers ask for: otherwise every limit would "
    "silently be multiplied."
)
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


def _check_redis(url: str) -> None:
    try:
        check_url(url)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class DatabaseUrl(fields.String):
    """Loads into the URL with the driver that is used."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return database_url(super()._deserialize(value, attr, data, **kwargs).strip())
        except ValueError as error:
            raise ValidationError(str(error)) from error


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
    PARLANCE_SECRET_KEY = fields.String(
        validate=validate.Regexp(r"[!-~]{32,500}\Z", error="Must be 32 to 500 visible ASCII characters."),
        metadata={
            "description": "The installation's secret, 32 to 500 random characters: the same on all hosts of one "
            "database, which refuses another from then on",
            "default": "the file `secret_key` in `PARLANCE_HOME`, made on the first start",
        },
    )
    DATABASE_URL = DatabaseUrl(
        metadata={
            "description": "A URL of SQLite or [PostgreSQL](operations.md#postgresql). One server runs with a database "
            "at a time, and keeps `<file>.lock` and `<file>.workers/` beside SQLite's, `lock` and `workers/` in "
            "`PARLANCE_HOME` for PostgreSQL's",
            "default": "`parlance.db` in `PARLANCE_HOME`",
        },
    )
    REDIS_URL = fields.String(
        validate=_check_redis,
        metadata={
            "description": "A Redis, `redis://` or with TLS `rediss://`, in which [limits are "
            "counted](operations.md#limits-of-several-servers) by all servers of an installation together",
        },
    )
    WEB_CONCURRENCY = fields.Integer(
        load_default=1,
        validate=validate.Range(0, MOST_WORKERS),
        error_messages={"invalid": "Not a whole number. 0 is one worker for each core."},
        metadata={
            "description": "How many workers serve, 0 for one for each core. More than one need `REDIS_URL`",
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
            "scheme and port. A request for any other host is refused (421), but for `/health`, `/ready` and "
            "`/metrics`, which are asked for by address. Empty: any host",
            "type": "list of hosts",
        },
    )
    PARLANCE_METRICS_TOKEN = fields.String(
        validate=validate.Regexp(r"[!-~]{16,500}\Z", error="Must be 16 to 500 visible ASCII characters."),
        metadata={
            "description": "Opens `GET /metrics` ([Metrics](metrics.md)) to who sends it as `Authorization: Bearer "
            "TOKEN`; 16 to 500 random characters. Without it nothing is counted, and the path leads nowhere",
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

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check_together(self, data: dict[str, Any], original: Mapping[str, str], **_: Any) -> None:
        if data.get("WEB_CONCURRENCY", 1) != 1 and "REDIS_URL" not in original:
            raise ValidationError(NEEDS_REDIS, "WEB_CONCURRENCY")
