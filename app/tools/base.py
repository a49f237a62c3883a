"""What a tool is: a name, checked arguments, a time limit and a function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from app.engine.ports import Agent


@dataclass(frozen=True, slots=True)
class Tool:
    """`call(agent, args)` gets arguments that passed `arguments` and returns a JSON value.

    It raises ToolError with a reason that the model, and through it the caller, may read.
    """

    name: str
    description: str
    arguments: type[Schema]
    call: Callable[[Agent, Mapping[str, Any]], Any]
    seconds: float = 5.0


class ToolError(Exception):
    """The tool could not do what was asked; the message says why."""
