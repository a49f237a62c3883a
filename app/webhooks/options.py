"""A table [webhooks.NAME] of parlance.toml, and what it loads into."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.store.webhook_events import EVENTS
from app.tools.base import ToolError
from app.tools.http_request.addresses import is_global
from app.tools.http_request.hosts import Target, parse_url
from app.tools.http_request.metadata import names_metadata
from app.webhooks.signing import secret_bytes

_USER = re.compile(r"[^/?#]*//[^/?#]*@")


@dataclass(frozen=True, slots=True)
class Webhook:
    """`agents`: whose events it is told of, None for all. `private`: the host may have private addresses and no TLS."""

    target: Target
    events: frozenset[str]
    agents: frozenset[str] | None
    private: bool
    secret: bytes = field(repr=False)


def _secret(variable: str) -> bytes:
    """Raises ValidationError, which does not say what the variable holds."""
    written = os.environ.get(variable, "").strip()
    if not written:
        raise ValidationError(f"The environment variable {variable} is not set.")
    try:
        return secret_bytes(written)
    except ValueError as error:
        raise ValidationError(f"The environment variable {variable} {error}.") from error


def _check_secret(variable: str) -> None:
    _secret(variable)


class WebhookOptions(Schema):
    url = fields.String(
        required=True,
        metadata={
            "description": "Where to post to: `https`, to a host with public addresses. Redirects are not followed"
        },
    )
    events = fields.List(
        fields.String(validate=validate.OneOf(EVENTS)),
        load_default=lambda: [*EVENTS],
        validate=validate.Length(1),
        metadata={
            "description": "What it is told of; [each event](webhooks.md#events)",
            "default": "all",
            "type": "list of events",
        },
    )
    secret_env = fields.String(
        required=True,
        validate=_check_secret,
        metadata={
            "description": "Name of the environment variable that holds the secret which requests are signed with: "
            "`whsec_` and 24 to 64 bytes as Base64, or a text of so many bytes"
        },
    )
    agents = fields.List(
        fields.String(),
        validate=validate.Length(1),
        metadata={"description": "Agents whose events it is told of", "default": "all"},
    )
    private = fields.Boolean(
        truthy={True},
        falsy={False},
        load_default=False,
        metadata={"description": "It is a service of your own: it may have private addresses, and `http` is taken too"},
    )

    @validates_schema
    def check_url(self, data: Mapping[str, Any], **_: Any) -> None:
        if _USER.match(data["url"]):
            raise ValidationError("A URL with a user or a password is not taken; requests are signed.", "url")
        try:
            target = parse_url(data["url"])
        except ToolError as error:
            raise ValidationError(str(error), "url") from error
        if _is_link_local(target.host):
            raise ValidationError(
                f"{target.host} is a link-local address, as clouds' metadata services have, and is never reached.",
                "url",
            )
        if names_metadata(target.host):
            raise ValidationError(f"{target.host} is a cloud's metadata service, which is never reached.", "url")
        if data["private"]:
            return
        if not target.tls:
            raise ValidationError("Must be https, unless private = true says that it is a service of your own.", "url")
        if _is_no_public_address(target.host):
            raise ValidationError(
                f"{target.host} is no public address; private = true says that it is a service of your own.", "url"
            )

    @post_load
    def make(self, data: Mapping[str, Any], **_: Any) -> Webhook:
        return Webhook(
            target=parse_url(data["url"]),
            events=frozenset(data["events"]),
            agents=frozenset(data["agents"]) if "agents" in data else None,
            private=data["private"],
            secret=_secret(data["secret_env"]),
        )


def _is_link_local(host: str) -> bool:
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def _is_no_public_address(host: str) -> bool:
    try:
        return not is_global(ip_address(host))
    except ValueError:  # a name, whose addresses are looked at each time
        return False
