"""The options in parlance.toml that all models have that are reached over HTTP, checked without any request."""

import os
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app import VERSION
from app.providers.transport.connections import proxy_of
from app.providers.transport.redaction import register_key
from app.providers.transport.response import Timeouts
from app.providers.transport.upstream import Upstream

_ASCII = re.compile(r"[\x20-\x7e]*")
printable = validate.Regexp(r"[\x20-\x7e]*\Z", error="Only printable ASCII can be sent.")
_SECONDS = validate.Range(0, 86_400, min_inclusive=False)


def _is_server(url: SplitResult) -> bool:
    """Whether the URL names a server by http or https. Raises ValueError for a bad port or host name."""
    host = (url.hostname or "").encode("idna")
    return url.scheme in ("http", "https") and bool(host) and url.port != 0


def check_url(url: str) -> None:
    """Raise ValidationError where this is no base URL of an API."""
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


def _seconds(meaning: str, default: float) -> fields.Float:
    return fields.Float(load_default=default, validate=_SECONDS, metadata={"description": meaning, "unit": "seconds"})


class TimeoutsSchema(Schema):
    """In seconds."""

    connect = _seconds("For the connection, a proxy's tunnel and the TLS handshake, each counted by itself", 5)
    first_token = _seconds(
        "Until anything of the answer has come: text, reasoning, a piece of a tool call, or its end", 60
    )
    between_tokens = _seconds("For a silence within the answer; comments and pings do not end it", 60)
    total = _seconds("For the whole answer, however lively it is", 900)


class SamplingField(fields.Field[Any]):
    """True, "one" or False."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if value is True or value is False or value == "one":
            return value
        raise ValidationError('Must be true, "one" or false.')


class HttpModelOptions(Schema):
    base_url = fields.String(
        required=True,
        validate=check_url,
        metadata={"description": "Address of the API, mostly up to and with `/v1`; without query, user or password"},
    )
    api_key_env = fields.String(
        validate=_check_variable,
        metadata={"description": "Name of the environment variable that holds the key, which must be set"},
    )
    model = fields.String(
        required=True,
        validate=validate.Length(1),
        metadata={"description": "Name by which the server knows the model"},
    )
    headers = fields.Dict(
        fields.String(validate=[validate.Regexp(r"[A-Za-z0-9-]+\Z"), _check_header]),
        fields.String(validate=printable),
        load_default=dict,
        metadata={"description": "Further headers, not secret; they replace Parlance's own, such as `User-Agent`"},
    )
    ca_file = fields.String(
        validate=_check_file,
        metadata={
            "description": "Absolute path of a PEM file with the certificates to trust for this model",
            "default": "the system's",
        },
    )
    timeouts = fields.Nested(
        TimeoutsSchema,
        load_default=lambda: TimeoutsSchema().load({}),
        metadata={"description": "Longest times; a request that exceeds one has failed"},
    )
    temperature = fields.Float(
        validate=validate.Range(0, 5),
        metadata={"description": "Sampling temperature; a caller's own wins", "default": "the server's"},
    )
    top_p = fields.Float(
        validate=validate.Range(0, 1),
        metadata={"description": "Nucleus sampling; a caller's own wins", "default": "the server's"},
    )
    sampling = SamplingField(
        metadata={
            "description": "Whether the model heeds temperature and top_p, one of them, or none; no others are sent",
            "type": '`true`, `"one"`, `false`',
            "default": "[what is known of it](models.md#what-models-heed), else `true`",
        }
    )
    max_temperature = fields.Float(
        validate=validate.Range(0, 5, min_inclusive=False),
        metadata={
            "description": "Where the API's range of temperatures ends; higher ones are sent as this",
            "default": "what is known of it, else 2, of `anthropic` 1",
        },
    )
    max_tokens = fields.Integer(
        strict=True,
        validate=validate.Range(1),
        metadata={
            "description": "The most that one answer may have; the lowest of this, the agent's and the caller's counts",
            "unit": "tokens",
            "default": "the server's",
        },
    )
    stop = fields.List(fields.String(validate=validate.Length(1)), metadata={"description": "Texts that end an answer"})
    images = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={
            "description": "Whether the model takes images; where it does not, questions with one are refused. The "
            "server fetches none: addresses are passed on to the model's server as they are"
        },
    )
    seed = fields.Integer(
        strict=True,
        validate=validate.Range(-(2**63), 2**63 - 1),
        metadata={"description": "Seed of the sampling; a caller's own wins"},
    )

    @validates_schema
    def _check_proxy(self, options: dict[str, Any], **_: Any) -> None:
        """Check the environment's proxy for the base URL. Its value is not shown: it may hold a password."""
        url = urlsplit(options["base_url"])
        try:
            proxy = proxy_of(url)
            usable = proxy is None or _is_server(proxy)
        except ValueError:
            usable = False
        if not usable:
            message = f"{url.scheme.upper()}_PROXY is no address such as http://proxy.example:3128"
            raise ValidationError(message, "base_url")


def api_key(options: dict[str, Any]) -> str | None:
    """The key in the variable that `api_key_env` names, None without that option; it is redacted in the log."""
    return register_key(os.environ[options["api_key_env"]].strip()) if "api_key_env" in options else None


def upstream(options: dict[str, Any], headers: dict[str, str]) -> Upstream:
    """The server of the options. `headers` are the provider's own; configured ones replace them, however spelled."""
    configured = options["headers"]
    replaced = {name.lower() for name in configured}
    own = {"User-Agent": f"Parlance/{VERSION}", **headers}
    kept = {name: value for name, value in own.items() if name.lower() not in replaced}
    return Upstream(
        options["base_url"], {**kept, **configured}, Timeouts(**options["timeouts"]), options.get("ca_file")
    )
