"""What may be said in parlance.toml of any model that is reached over HTTP."""

import os
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.providers.transport.connections import proxy_of
from app.providers.transport.redaction import remember
from app.providers.transport.upstream import Timeouts, Upstream

_ASCII = re.compile(r"[\x20-\x7e]*")
printable = validate.Regexp(r"[\x20-\x7e]*\Z", error="Only printable ASCII can be sent.")
_SECONDS = validate.Range(0, 86_400, min_inclusive=False)


def _is_server(url: SplitResult) -> bool:
    """Raises ValueError where the port is none, or the host is no name, such as one with two dots in a row."""
    host = (url.hostname or "").encode("idna")
    return url.scheme in ("http", "https") and bool(host) and url.port != 0


def check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = _is_server(parts) and not (parts.query or parts.fragment or parts.netloc.endswith(":"))
    except ValueError:  # brackets without an IPv6 address in them
        usable = False
    if not usable or not _ASCII.fullmatch(url) or " " in url:
        raise ValidationError("Not an address such as https://api.example.com/v1")
    if parts.username is not None:
        raise ValidationError("A password has no place here; api_key_env names the variable that holds a key.")


def _check_variable(name: str) -> None:
    value = os.environ.get(name, "").strip()
    if not value:
        raise ValidationError(f"The environment variable {name} is not set.")
    if not _ASCII.fullmatch(value):
        raise ValidationError(f"The environment variable {name} holds what no header can carry.")


def _check_file(path: str) -> None:
    if not os.access(path, os.R_OK) or not Path(path).is_file():
        raise ValidationError("This file cannot be read.")
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ValidationError("This is no file of certificates.") from error


def _check_header(name: str) -> None:
    if name.lower() in ("content-length", "transfer-encoding", "connection"):
        raise ValidationError("This header is the connection's own.")


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
        fields.String(validate=[validate.Regexp(r"[A-Za-z0-9-]+\Z"), _check_header]),
        fields.String(validate=printable),
        load_default=dict,
    )
    ca_file = fields.String(validate=_check_file)
    timeouts = fields.Nested(TimeoutsSchema, load_default=lambda: TimeoutsSchema().load({}))
    temperature = fields.Float(validate=validate.Range(0, 5))
    top_p = fields.Float(validate=validate.Range(0, 1))
    max_tokens = fields.Integer(strict=True, validate=validate.Range(1))
    stop = fields.List(fields.String(validate=validate.Length(1)))
    seed = fields.Integer(strict=True, validate=validate.Range(-(2**63), 2**63 - 1))

    @validates_schema
    def _check_proxy(self, options: dict[str, Any], **_: Any) -> None:
        """What stands there may hold a password, and is not shown."""
        url = urlsplit(options["base_url"])
        try:
            proxy = proxy_of(url)
            usable = proxy is None or _is_server(proxy)
        except ValueError:
            usable = False
        if not usable:
            words = f"{url.scheme.upper()}_PROXY is no address such as http://proxy.example:3128"
            raise ValidationError(words, "base_url")


def api_key(options: dict[str, Any]) -> str | None:
    return remember(os.environ[options["api_key_env"]].strip()) if "api_key_env" in options else None


def upstream(options: dict[str, Any], headers: dict[str, str]) -> Upstream:
    """The server that the options name; `headers` are the provider's own, the configured ones win."""
    return Upstream(
        options["base_url"],
        {**headers, **options["headers"]},
        Timeouts(**options["timeouts"]),
        options.get("ca_file"),
    )
