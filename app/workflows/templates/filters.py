"""The filters and tests of templates. Each uses memory in proportion to its input; those that iterate over many values
check the time limit."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, DecimalException
from itertools import islice
from time import thread_time
from typing import Any

import orjson
from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from app.workflows.templates.number_formats import MOST_DIGITS, write_number
from app.workflows.templates.numbers import read_numbers

SECONDS = 0.1  # of CPU time of the thread, for the templates of one request
CLOCK = "the clock"  # the variable with the deadline (thread_time()); templates cannot name it, for its space
LANGUAGE = "the language"  # the variable with the agent's language, likewise
_MOST_JOINED = 1_000_000
_MOST_NUMBERS = 20


class TemplateError(Exception):
    """The template is invalid, or cannot be filled in with these variables; the message says why, and may be shown."""


@pass_context
def each(context: Context, values: Any) -> Iterator[Any]:
    """The values, one by one. Raises TemplateError once the deadline has passed."""
    until = context[CLOCK]
    for value in values:
        if thread_time() > until:
            raise TemplateError(f"A template took longer than {SECONDS:g} seconds.")
        yield value


def _default(value: Any, instead: Any = "") -> Any:
    return instead if isinstance(value, Undefined) or value is None else value


@pass_context
def _first_number(context: Context, text: Any) -> str:
    """The first number in a text, as it is most likely meant, with a decimal point and nothing between its thousands;
    "" without any."""
    return next(read_numbers(str(text), context.get(LANGUAGE, "")), [""])[0]


@pass_context
def _numbers(context: Context, text: Any) -> list[str]:
    """The first numbers in a text, one that can be read in two ways as both: where there is one, it is sure."""
    found = islice(read_numbers(str(text), context.get(LANGUAGE, "")), _MOST_NUMBERS)
    return [reading for readings in found for reading in readings]


@pass_context
def _number(context: Context, value: Any, digits: int = MOST_DIGITS) -> str:
    """A number as the agent's language writes it, rounded to at most so many digits behind the decimal sign."""
    try:
        return write_number(Decimal(str(value)), digits, context.get(LANGUAGE, ""))
    except DecimalException as error:
        raise ValueError(f"number is for numbers, not for {str(value)[:40]!r}") from error


def _float(value: Any, instead: float = 0.0) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return instead


def _int(value: Any, instead: int = 0) -> int:
    try:
        return int(float(value)) if isinstance(value, str) and "." in value else int(value)
    except (TypeError, ValueError, OverflowError):
        return instead


@pass_context
def _join(context: Context, values: Any, between: str = "") -> str:
    parts = [str(value) for value in each(context, values)]
    if sum(map(len, parts)) + len(parts) * len(between) > _MOST_JOINED:
        raise ValueError("too much to join")
    return str(between).join(parts)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _round(value: Any, digits: int = 0) -> float:
    return round(float(value), max(min(digits, 15), 0))


@pass_context
def _sum(context: Context, values: Any) -> float:
    return sum(_float(value) for value in each(context, values))


def _truncate(text: Any, length: int = 255) -> str:
    """Cut at the end of a word, with an ellipsis."""
    string = str(text)
    return string if len(string) <= length else string[:length].rsplit(" ", 1)[0] + "…"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "default": _default,
    "first": lambda values: values[0] if values else Undefined(name="first"),
    "first_number": _first_number,
    "float": _float,
    "int": _int,
    "join": _join,
    "last": lambda values: values[-1] if values else Undefined(name="last"),
    "length": len,
    "lower": lambda text: str(text).lower(),
    "max": max,
    "min": min,
    "number": _number,
    "numbers": _numbers,
    "round": _round,
    "string": str,
    "sum": _sum,
    "tojson": _json,
    "trim": lambda text: str(text).strip(),
    "truncate": _truncate,
    "upper": lambda text: str(text).upper(),
}
TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float),
    "string": lambda value: isinstance(value, str),
}
