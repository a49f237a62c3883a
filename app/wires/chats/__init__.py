"""Signed-in chats: docs/wires/chats.md."""

from app.web.wire import Wire
from app.wires.chats.errors import error_body
from app.wires.chats.operations import REFERENCE
from app.wires.chats.routes import COOKIE, blueprint, catalogue, chats, messages, sessions, workflows

WIRE = Wire(
    name="chats",
    blueprint=blueprint,
    paths=(
        "/api/auth",
        "/api/chats",
        "/api/users",
        "/api/models",
        "/api/tools",
        "/api/workflows",
        "/api/workflow-runs",
    ),
    credentials=(COOKIE,),
    key_kinds=(),
    signed_in=True,
    default_limit="100/minute",
    error_body=error_body,
    reference=REFERENCE,
    limit_headers="seconds left",
)

__all__ = [
    "WIRE",
    "catalogue",
    "chats",
    "messages",
    "sessions",
    "workflows",
]  # the modules hang their routes on the blueprint
