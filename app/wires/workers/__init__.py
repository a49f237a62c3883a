"""The Cloudflare Workers AI text stream: docs/wires/workers.md."""

from app.web.callers.credentials import BearerKey, HeaderKey
from app.web.wire import Wire
from app.wires.workers.errors import error_body
from app.wires.workers.operations import REFERENCE
from app.wires.workers.routes import blueprint

WIRE = Wire(
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
