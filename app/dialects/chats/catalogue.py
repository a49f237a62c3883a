"""What a chat can be held with: models, and the tools that they may call."""

from flask import Response

from app.dialects.chats import present
from app.dialects.chats.blueprint import blueprint
from app.http.identity import identify
from app.http.services import services
from app.http.wire import json_response


@blueprint.get("/api/models")
def models() -> Response:
    """Every configured one."""
    return json_response({"models": [present.model(*each) for each in services().settings.models.items()]})


@blueprint.get("/api/tools")
def tools() -> Response:
    """Those of the agent that answers here."""
    specs = services().engine.toolbox.specs(identify().agent)
    return json_response({"tools": [present.tool(each) for each in specs]})
