"""A signed-in user's things: docs/wires/things.md."""

from app.web.callers.credentials import BearerKey
from app.web.wire import Wire
from app.wires.things.errors import error_body
from app.wires.things.operations import REFERENCE
from app.wires.things.routes import blueprint

WIRE = Wire(
    name="things",
    blueprint=blueprint,
    paths=("/login", "/logout", "/stuff"),
    credentials=(BearerKey("Authorization"), BearerKey("Authentication", bare=True)),  # as /login gives it
    key_kinds=(),
    signed_in=True,
    default_limit="100/minute",
    error_body=error_body,
    reference=REFERENCE,
)
