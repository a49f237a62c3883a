"""Query parameters, checked as bodies are."""

from functools import cache
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from app.engine.errors import ChatError, Problem
from app.settings.mistakes import flatten


def load_query(schema: type[Schema]) -> Any:
    """What the schema makes of the query. Raises ChatError: INVALID with the parameters named."""
    return load(schema, request.args.to_dict())


def load(schema: type[Schema], data: Any) -> Any:
    """What the schema makes of the data. Raises ChatError: INVALID with the fields named."""
    try:
        return _made(schema).load(data)
    except ValidationError as error:
        raise invalid(error) from error


@cache
def _made(schema: type[Schema]) -> Schema:
    """Once: it takes longer than its use."""
    return schema()


def invalid(error: ValidationError) -> ChatError:
    mistakes = dict(flatten(error.messages))
    listed = "; ".join(f"{place}: {what}" if place else what for place, what in mistakes.items())
    return ChatError(Problem.INVALID, listed, fields=mistakes)
