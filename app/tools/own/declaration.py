"""How an operator's function becomes a tool: `@tool` declares it, [tools.NAME] names it, make_tool() imports it."""

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

_FUNCTION_NAME = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<function>[A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """A function that @tool(...) has declared, and [tools.NAME] may name. It can still be called as before."""

    function: Callable[..., Any]
    description: str
    arguments: type[Schema]

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.function(*args, **named)


def tool(description: str, arguments: type[Schema]) -> Callable[[Callable[..., Any]], ToolFunction]:
    """Declare `function(context, **arguments)` a tool; it returns a JSON value or raises ToolError.

    `description` and the schema `arguments` tell a model what it does and takes. Raises TypeError if the function is
    async or does not take these arguments.
    """

    def decorate(function: Callable[..., Any]) -> ToolFunction:
        if inspect.iscoroutinefunction(function):
            raise TypeError("a tool is a plain function, not an async one")
        names = [field.attribute or name for name, field in arguments().load_fields.items()]
        inspect.signature(function).bind(None, **dict.fromkeys(names))
        return ToolFunction(function, description, arguments)

    return decorate


class _FunctionField(fields.String):
    """`module:function`. Loads into the two names; nothing is imported."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        names = _FUNCTION_NAME.fullmatch(super()._deserialize(value, attr, data, **kwargs))
        if not names:
            raise ValidationError("Not a place such as module:function.")
        return names.groups()


class OwnToolOptions(TimedOptions):
    """A table [tools.NAME] other than http_request. Loads into what make_tool takes beside the name."""

    function = _FunctionField(
        required=True,
        metadata={
            "description": "The decorated function; its module stands beside `parlance.toml` or is installed",
            "type": "`module:function`",
        },
    )


def make_tool(name: str, function: FunctionName, seconds: float) -> Tool:
    """Import the function and make a tool of it. Raises ValidationError if it cannot be imported, or is no tool."""
    declared = _find(*function)
    made = Tool(name, declared.description, declared.arguments, partial(call, function), seconds)
    try:
        made.spec()
    except Exception as error:
        raise _mistake(f"Its arguments cannot be described to a model: {error}") from error
    return made


def _find(module: str, name: str) -> ToolFunction:
    declared = getattr(_import(module), name, None)
    if declared is None:
        raise _mistake(f"The module {module!r} has no {name!r}.")
    if not isinstance(declared, ToolFunction):
        raise _mistake(f"{name!r} is not decorated with @tool(...).")
    return declared


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
