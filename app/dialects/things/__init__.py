"""A signed-in user's things: docs/wires/things.md."""

from app.dialects.things.reference import REFERENCE
from app.dialects.things.routes import blueprint, error_body
from app.http.credentials import BearerKey
from app.http.dialect import Dialect

DIALECT = Dialect(
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
