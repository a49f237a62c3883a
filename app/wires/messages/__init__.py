"""Anthropic's Messages API: docs/wires/messages.md."""

from app.web.callers.credentials import BearerKey, HeaderKey
from app.web.wire import Wire
from app.wires.messages.errors import error_body
from app.wires.messages.operations import REFERENCE
from app.wires.messages.routes import blueprint

WIRE = Wire(
    name="messages",
    blueprint=blueprint,
    paths=("/v1/messages",),
    credentials=(BearerKey(), HeaderKey("x-api-key")),
    key_kinds=("secret",),
    default_limit="60/minute",
    error_body=error_body,
    reference=REFERENCE,
    for_vendors_clients=True,
)
