"""Which agent answers, on the wires whose callers name a model: the key's own by its id, or one of its models alone."""

from collections.abc import Iterator
from dataclasses import replace

from app.engine.agent import Agent
from app.engine.errors import ChatError, Problem
from app.web.services import services


def agent_called(agent: Agent, called: str) -> Agent:
    """The agent, where `called` is its id or its first model's, which brings those that stand in for it; or the agent
    with that one of its models, by its name or an alias. Raises ChatError(MODEL_NOT_FOUND)."""
    if called == agent.id:
        return agent
    name = services().settings.model_called(called)
    if name not in agent.models:
        raise ChatError(Problem.MODEL_NOT_FOUND, f"There is no model {called[:100]!r} for this key")
    return agent if name == agent.models[0] else replace(agent, models=(name,))


def models_of(agent: Agent) -> Iterator[str]:
    """By which names it can be asked, without aliases: its id, and its models'."""
    yield agent.id
    yield from (name for name in agent.models if name != agent.id)
