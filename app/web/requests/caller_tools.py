"""Tools that a caller declares and runs itself, on the wires that have a place for them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from app.engine.agent import Agent, ToolChoice, ToolSpec
from app.engine.errors import ChatError, Problem
from app.engine.events import ToolCalled
from app.engine.messages import MOST_DEPTH, ToolResultPart, is_too_deep
from app.store.answer_states import AnswerState

NAMES = re.compile(r"[A-Za-z0-9_.:/-]{1,128}\Z")
NAME = validate.Regexp(NAMES, error="Use 1 to 128 letters, digits, and - _ . : /.")
MOST_SCHEMA_BYTES = 65_536
NAMED = {"description": "1 to 128 letters, digits, and `-` `_` `.` `:` `/`"}
SHAPED = {
    "description": "A JSON Schema whose type is `object`, or not said: "
    f"at most {MOST_SCHEMA_BYTES:,} bytes and {MOST_DEPTH} levels"
}
ONE_AT_A_TIME = {"description": "`false`: the model makes one call at a time"}
"""What is said of fields that every such wire has: marshmallow's `metadata`."""

IsCallers = Callable[[ToolCalled], bool]
"""Whether a call is of a tool that runs at the caller's; others are not shown."""


class ToolParameters(fields.Field[Any]):
    """A JSON Schema of an object."""

    described = {"type": "object"}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("Not a JSON schema.")
        if is_too_deep(value):
            raise ValidationError("Nested too deeply.")
        if len(orjson.dumps(value)) > MOST_SCHEMA_BYTES:
            raise ValidationError(f"Larger than {MOST_SCHEMA_BYTES} bytes.")
        if value.get("type", "object") != "object":
            raise ValidationError("Must be of the type object.")
        return value


def check_choice(choice: ToolChoice, tools: Sequence[ToolSpec]) -> None:
    """Raises ValidationError where two tools have one name, and where one is to be called that there is not."""
    names = [tool.name for tool in tools]
    twice = next((index for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise ValidationError({f"tools.{twice}": [f"There are two tools of the name {names[twice]}."]})
    if choice.kind == "required" and (choice.name not in names if choice.name else not names):
        raise ValidationError("There is no such tool.", "tool_choice")


def refuse_shadowing(agent: Agent, tools: Sequence[ToolSpec]) -> None:
    """Raises ChatError(INVALID) where a tool has the name of one of the agent's own: calls of the one are told, calls
    of the other are not."""
    for index, tool in enumerate(tools):
        if tool.name in agent.tools:
            place, reason = f"tools.{index}", f"The agent has a tool of the name {tool.name} of its own."
            raise ChatError(Problem.INVALID, f"{place}: {reason}", fields={place: reason})


def of_tools(tools: Sequence[ToolSpec]) -> IsCallers:
    """While an answer is made."""
    names = {tool.name for tool in tools}
    return lambda call: call.name in names


def of_answer(agent: Agent, answer: AnswerState) -> IsCallers:
    """Of an answer that is read on: whose tools the caller has declared is not kept, but those that the agent runs are
    known, and have results."""
    returned = {part.call_id for part in answer.message.parts if isinstance(part, ToolResultPart)}
    return lambda call: call.name not in agent.tools and call.call_id not in returned
