"""Signed-in chats: docs/wires/chats.md."""

from app.dialects.chats import catalogue, chats, messages, sessions, workflows
from app.dialects.chats.blueprint import COOKIE, OPEN_PATHS, blueprint
from app.dialects.chats.errors import error_body
from app.dialects.chats.reference import REFERENCE
from app.http.dialect import Dialect

DIALECT = Dialect(
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
    open_paths=OPEN_PATHS,
    default_limit="100/minute",
    error_body=error_body,
    reference=REFERENCE,
    limit_headers="seconds left",
)

__all__ = [
    "DIALECT",
    "catalogue",
    "chats",
    "messages",
    "sessions",
    "workflows",
]  # the modules hang their routes on the blueprint
