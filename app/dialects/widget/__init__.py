"""NDJSON chat for site widgets: docs/wires/widget.md."""

from app.dialects.widget.reference import REFERENCE
from app.dialects.widget.routes import blueprint, error_body
from app.http.credentials import HeaderKey
from app.http.dialect import Dialect

DIALECT = Dialect(
    name="widget",
    blueprint=blueprint,
    paths=("/chat", "/v1/chat"),
    credentials=(HeaderKey("x-api-key"), HeaderKey("x-widget-api-key")),
    key_kinds=("widget",),
    default_limit="30/minute",
    error_body=error_body,
    reference=REFERENCE,
)
