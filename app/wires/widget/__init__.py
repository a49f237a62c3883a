"""NDJSON chat for site widgets: docs/wires/widget.md."""

from app.web.callers.credentials import HeaderKey
from app.web.callers.visitors import HEADER as VISITOR
from app.web.wire import Wire
from app.wires.widget.errors import error_body
from app.wires.widget.operations import REFERENCE
from app.wires.widget.routes import admit, blueprint

WIRE = Wire(
    name="widget",
    blueprint=blueprint,
    paths=("/chat", "/v1/chat"),
    credentials=(HeaderKey("x-api-key"), HeaderKey("x-widget-api-key")),
    key_kinds=("widget",),
    default_limit="30/minute",
    error_body=error_body,
    reference=REFERENCE,
    admit=admit,
    varies_by=(VISITOR,),
)
