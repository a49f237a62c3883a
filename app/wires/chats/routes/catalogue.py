"""What a chat can be held with: models, and the tools that they may call."""

from flask import Response

from app.web.callers.identity import identify
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.chats import serializers as present
from app.wires.chats.routes import blueprint


@blueprint.get("/api/models")
def models() -> Response:
    """Every configured one."""
    return json_response({"models": [present.model(*each) for each in services().settings.models.items()]})


@blueprint.get("/api/tools")
def tools() -> Response:
    """Those of the agent that answers here."""
    specs = services().engine.toolbox.specs(identify().agent)
    return json_response({"tools": [present.tool(each) for each in specs]})
