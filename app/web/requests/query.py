"""Query parameters, checked as bodies are."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from app.engine.errors import ChatError, Problem
from app.engine.texts import places_of_nul
from app.schemas.fields import MOST_MISTAKES, with_few_unknown
from app.settings.mistakes import flatten

MOST_PLACE = 120  # characters of a mistake's place, which may be a name that was sent
MOST_WORDS = 300  # characters of what is told of it


def load_query(schema: type[Schema]) -> Any:
    """What the schema makes of the query. Raises ChatError: INVALID with the parameters named."""
    return load(schema, request.args.to_dict())


def refuse_nul_in_url(parameters: Mapping[str, Any]) -> None:
    """Raises ChatError: INVALID with the parameters of the path or the query that have a NUL."""
    if "\0" in request.path or "%00" in request.environ.get("QUERY_STRING", ""):
        refuse_nul({**request.args.to_dict(), **parameters})


def refuse_nul(data: Any) -> None:
    """Raises ChatError: INVALID with the places of texts that have a NUL, which is no character of a text."""
    places = [*islice(places_of_nul(data), MOST_MISTAKES + 1)]
    if places:
        raise invalid((place, "Must not have the character NUL (U+0000).") for place in places)


def load(schema: type[Schema], data: Any) -> Any:
    """What the schema makes of the data. Raises ChatError: INVALID with the fields named."""
    try:
        made = _made(schema)
        return made.load(with_few_unknown(made, data))
    except ValidationError as error:
        raise invalid(flatten(error.messages)) from error


@cache
def _made(schema: type[Schema]) -> Schema:
    """Once: it takes longer than its use."""
    return schema()


def invalid(mistakes: Iterable[tuple[str, str]]) -> ChatError:
    """INVALID with the first MOST_MISTAKES of the mistakes, which are pairs of a place and what is wrong there."""
    several = iter(mistakes)
    told = {_cut(place, MOST_PLACE): _cut(what, MOST_WORDS) for place, what in islice(several, MOST_MISTAKES)}
    lines = [f"{place}: {what}" if place else what for place, what in told.items()]
    if next(several, None):
        lines.append("and more")
    return ChatError(Problem.INVALID, "; ".join(lines), fields=told)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
