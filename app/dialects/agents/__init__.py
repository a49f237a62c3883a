"""The Chatbase v2 API and the AI SDK's UI message stream: docs/wires/agents.md."""

from app.dialects.agents import chat, histories
from app.dialects.agents.blueprint import blueprint
from app.dialects.agents.errors import error_body
from app.dialects.agents.reference import REFERENCE
from app.http.credentials import BearerKey
from app.http.dialect import Dialect

DIALECT = Dialect(
    name="agents",
    blueprint=blueprint,
    paths=("/api/v2",),
    credentials=(BearerKey(),),
    key_kinds=("secret", "widget"),
    default_limit="100/10 second",
    error_body=error_body,
    reference=REFERENCE,
    counts_addresses=True,
    limit_headers="epoch milliseconds",
)

__all__ = ["DIALECT", "chat", "histories"]  # the modules hang their routes on the blueprint
