"""The Cloudflare Workers AI text stream: docs/wires/workers.md."""

from app.dialects.workers.reference import REFERENCE
from app.dialects.workers.routes import blueprint, error_body
from app.http.credentials import BearerKey, HeaderKey
from app.http.dialect import Dialect

DIALECT = Dialect(
    name="workers",
    blueprint=blueprint,
    paths=("/api/chat",),
    credentials=(BearerKey(), HeaderKey("x-api-key")),
    key_kinds=("secret",),
    default_limit="20/minute",
    error_body=error_body,
    reference=REFERENCE,
    anonymous=True,
)
