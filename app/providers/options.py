"""What may be said in parlance.toml of any model that is reached over HTTP."""

import os
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

from app.providers.upstream import Timeouts, Upstream

_SECONDS = validate.Range(0, 86_400, min_inclusive=False)


def check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValidationError("Not an address such as https://api.example.com/v1")
    if parts.username is not None:
        raise ValidationError("A password has no place here; api_key_env names the variable that holds a key.")


def _check_variable(name: str) -> None:
    if not os.environ.get(name, "").strip():
        raise ValidationError(f"The environment variable {name} is not set.")


def _check_file(path: str) -> None:
    if not os.access(path, os.R_OK):
        raise ValidationError("This file cannot be read.")


class TimeoutsSchema(Schema):
    """In seconds."""

    connect = fields.Float(load_default=5, validate=_SECONDS)
    first_token = fields.Float(load_default=60, validate=_SECONDS)
    between_tokens = fields.Float(load_default=60, validate=_SECONDS)
    total = fields.Float(load_default=900, validate=_SECONDS)


class HttpModelOptions(Schema):
    base_url = fields.String(required=True, validate=check_url)
    api_key_env = fields.String(validate=_check_variable)
    model = fields.String(required=True, validate=validate.Length(1))
    headers = fields.Dict(
        fields.String(validate=validate.Regexp(r"[A-Za-z0-9-]+\Z")),
        fields.String(validate=validate.Regexp(r"[\x20-\x7e]*\Z", error="Only printable ASCII can be sent.")),
        load_default=dict,
    )
    ca_file = fields.String(validate=_check_file)
    timeouts = fields.Nested(TimeoutsSchema, load_default=lambda: TimeoutsSchema().load({}))
    temperature = fields.Float(validate=validate.Range(0, 5))
    top_p = fields.Float(validate=validate.Range(0, 1))
    max_tokens = fields.Integer(strict=True, validate=validate.Range(1))
    stop = fields.List(fields.String(validate=validate.Length(1)))
    seed = fields.Integer(strict=True)


def api_key(options: dict[str, Any]) -> str | None:
    return os.environ[options["api_key_env"]].strip() if "api_key_env" in options else None


def upstream(options: dict[str, Any], headers: dict[str, str]) -> Upstream:
    """The server that the options name; `headers` are the provider's own, the configured ones win."""
    return Upstream(
        options["base_url"],
        {**headers, **options["headers"]},
        Timeouts(**options["timeouts"]),
        options.get("ca_file"),
    )
