"""Operators' own tools: functions in Python, named in parlance.toml. They run in processes of their own."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module, invalidate_caches
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load

from app.tools.base import TimedOptions, Tool
from app.tools.own.pool import call

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
    """`module:function`, taken apart and imported."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        place = _PLACE.fullmatch(super()._deserialize(value, attr, data, **kwargs))
        if not place:
            raise ValidationError("Not a place such as module:function.")
        found = getattr(_import(place["module"]), place["function"], None)
        if found is None:
            raise ValidationError(f"The module {place['module']!r} has no {place['function']!r}.")
        if not isinstance(found, ToolFunction):
            raise ValidationError(f"{place['function']!r} is not decorated with @tool(...).")
        return place.groups(), found


def _import(name: str) -> Any:
    invalidate_caches()  # a file may be newer than what was seen of its folder
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise ValidationError(f"There is no module {name!r}, beside parlance.toml or installed.") from error
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValidationError(f"The module {name!r} cannot be imported: {reason}") from error


class OwnToolOptions(TimedOptions):
    """Loads into the tool of that name."""

    function = _FunctionField(
        required=True,
        metadata={
            "description": "The decorated function; its module stands beside `parlance.toml` or is installed",
            "type": "`module:function`",
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Tool:
        place, found = data["function"]
        made = Tool(self._name, found.description, found.arguments, partial(call, place), data["seconds"])
        try:
            made.spec()
        except Exception as error:
            raise ValidationError(f"Its arguments cannot be described to a model: {error}", "function") from error
        return made
