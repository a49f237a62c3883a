"""The Chatbase v2 API and the AI SDK's UI message stream: docs/wires/agents.md."""

from app.web.callers.credentials import BearerKey
from app.web.wire import Wire
from app.wires.agents.errors import error_body
from app.wires.agents.operations import REFERENCE
from app.wires.agents.routes import admit, blueprint, chat, histories

WIRE = Wire(
    name="agents",
    blueprint=blueprint,
    paths=("/api/v2",),
    credentials=(BearerKey(),),
    key_kinds=("secret", "widget"),
    default_limit="100/10 second",
    error_body=error_body,
    reference=REFERENCE,
    admit=admit,
    credentialed=True,
    varies_by=("Accept",),
    counts_addresses=True,
    limit_headers="epoch milliseconds",
)

__all__ = ["WIRE", "chat", "histories"]  # the modules hang their routes on the blueprint
