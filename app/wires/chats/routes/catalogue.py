"""What a chat can be held with: models, and the tools that they may call."""

from flask import Response

from app.web.requests.call import Call
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.chats import serializers
from app.wires.chats.routes import blueprint


@blueprint.get("/api/models")
def models(_call: Call) -> Response:
    """Every configured one that answers."""
    models = services().settings.answering_models
    return json_response({"models": [serializers.model(*each) for each in models.items()]})


@blueprint.get("/api/tools")
def tools(call: Call) -> Response:
    """Those of the agent that answers here."""
    specs = services().engine.toolbox.specs(call.caller.agent)
    return json_response({"tools": [serializers.tool(each) for each in specs]})
