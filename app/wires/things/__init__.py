"""A signed-in user's things: docs/wires/things.md."""

from app.web.callers.credentials import BearerKey
from app.web.wire import Wire
from app.wires.things.operations import REFERENCE
from app.wires.things.routes import blueprint, error_body

WIRE = Wire(
    name="things",
    blueprint=blueprint,
    paths=("/login", "/stuff"),
    credentials=(BearerKey("Authorization"), BearerKey("Authentication")),
    key_kinds=(),
    signed_in=True,
    open_paths=("/login",),
    default_limit="100/minute",
    error_body=error_body,
    reference=REFERENCE,
)
