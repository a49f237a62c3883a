"""The one blueprint of this wire, and whom it admits."""

from typing import Any

from flask import Blueprint

from app.engine.errors import ChatError, Problem
from app.store.histories import Conversation, HistoryScope
from app.web.callers.caller import Caller
from app.web.requests.call import Call
from app.web.requests.ids import stored_id
from app.web.services import services
from app.wires.agents.errors import CodedError

blueprint = Blueprint("agents", __name__, url_prefix="/api/v2")


def admit(caller: Caller, parameters: dict[str, Any]) -> Caller:
    """The caller, whose key is the agent's. Raises ChatError(NOT_FOUND) for any other agent, as if there were none."""
    if parameters.pop("agent_id", caller.agent.id) != caller.agent.id:
        raise CodedError(Problem.NOT_FOUND, "AGENT_NOT_FOUND", "There is no such agent")
    return caller


def scope_of(call: Call) -> HistoryScope:
    """Where the caller's conversations are."""
    return HistoryScope(call.caller.agent.id, blueprint.name, call.caller.owner)


def conversation_named(call: Call, name: str) -> Conversation:
    """The caller's conversation with this id, or with this name, which the page has given it. Raises
    ChatError(NOT_FOUND)."""
    return services().histories.conversation(scope_of(call), stored_id(name), name)


def stored_conversation_id(public: str) -> str:
    """Raises ChatError(NOT_FOUND) for what can be none."""
    stored = stored_id(public)
    if stored is None:
        raise ChatError(Problem.NOT_FOUND)
    return stored
