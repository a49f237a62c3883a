"""The one blueprint of this wire, and who may use which of its routes."""

from uuid import UUID

from flask import Blueprint

from app.engine.errors import ChatError, Problem
from app.store.histories import HistoryScope
from app.web.callers.identity import Caller, identify
from app.wires.agents.errors import CodedError

WIRE_NAME = "agents"

blueprint = Blueprint(WIRE_NAME, __name__, url_prefix="/api/v2")


def caller_of(agent_id: str) -> Caller:
    """The caller, whose key is the agent's. Raises ChatError: UNAUTHORIZED, FORBIDDEN, or NOT_FOUND for any other
    agent, as if there were none."""
    caller = identify()
    if caller.agent.id != agent_id:
        raise CodedError(Problem.NOT_FOUND, "AGENT_NOT_FOUND", "There is no such agent")
    return caller


def scope_of(agent_id: str) -> HistoryScope:
    """The caller's conversations. Raises ChatError(FORBIDDEN) for a widget's key: it stands in a public page, where
    everybody could read them."""
    caller = caller_of(agent_id)
    if caller.key is None or caller.key.kind != "secret":
        raise ChatError(Problem.FORBIDDEN, "A widget's key reads no histories")
    return HistoryScope(caller.agent.id, WIRE_NAME, caller.owner)


def stored_id(public_id: str) -> str:
    """A conversation's id in the store. Raises ChatError(NOT_FOUND) for what cannot be one."""
    try:
        return UUID(public_id).hex
    except ValueError as error:
        raise ChatError(Problem.NOT_FOUND) from error
