"""Operators' own tools: functions in Python, named in parlance.toml. They run in processes of their own."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module, invalidate_caches
from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.tools.base import TimedOptions, Tool
from app.tools.own.pool import FunctionName, call

_PLACE = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<function>[A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """A function that `[tools.NAME]` may name. It is still called like the function that it was."""

    function: Callable[..., Any]
    description: str
    arguments: type[Schema]

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.function(*args, **named)


def tool(description: str, arguments: type[Schema]) -> Callable[[Callable[..., Any]], ToolFunction]:
    """Make a tool of `function(context, **arguments)`, which returns a JSON value or raises ToolError.

    `arguments` says what a model may pass. Raises TypeError where the function does not take that.
    """

    def decorate(function: Callable[..., Any]) -> ToolFunction:
        if inspect.iscoroutinefunction(function):
            raise TypeError("a tool is a plain function, not an async one")
        passed = [field.attribute or name for name, field in arguments().load_fields.items()]
        inspect.signature(function).bind(None, **dict.fromkeys(passed))
        return ToolFunction(function, description, arguments)

    return decorate


class _FunctionField(fields.String):
    """`module:function`, taken apart; nothing is imported."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        place = _PLACE.fullmatch(super()._deserialize(value, attr, data, **kwargs))
        if not place:
            raise ValidationError("Not a place such as module:function.")
        return place.groups()


class OwnToolOptions(TimedOptions):
    """Loads into what make_tool takes beside the tool's name."""

    function = _FunctionField(
        required=True,
        metadata={
            "description": "The decorated function; its module stands beside `parlance.toml` or is installed",
            "type": "`module:function`",
        },
    )


def make_tool(name: str, function: FunctionName, seconds: float) -> Tool:
    """Imports the function. Raises ValidationError where that is not possible, or it is no tool."""
    found = _find(*function)
    made = Tool(name, found.description, found.arguments, partial(call, function), seconds)
    try:
        made.spec()
    except Exception as error:
        raise _mistake(f"Its arguments cannot be described to a model: {error}") from error
    return made


def _find(module: str, name: str) -> ToolFunction:
    found = getattr(_import(module), name, None)
    if found is None:
        raise _mistake(f"The module {module!r} has no {name!r}.")
    if not isinstance(found, ToolFunction):
        raise _mistake(f"{name!r} is not decorated with @tool(...).")
    return found


def _import(module: str) -> Any:
    invalidate_caches()  # a file may be newer than what was seen of its folder
    try:
        return import_module(module)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
            reason = f"There is no module {module!r}, beside parlance.toml or installed."
        else:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            reason = f"The module {module!r} cannot be imported: {why}"
        raise _mistake(reason) from error


def _mistake(reason: str) -> ValidationError:
    return ValidationError({"function": [reason]})
