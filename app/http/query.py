"""Query parameters, checked as bodies are."""

from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from app.engine.errors import ChatError, Problem
from app.mistakes import flatten


def load_query(schema: Schema) -> Any:
    """What the schema makes of the query. Raises ChatError: INVALID with the parameters named."""
    try:
        return schema.load(request.args.to_dict())
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> ChatError:
    mistakes = dict(flatten(error.messages))
    listed = "; ".join(f"{place}: {what}" if place else what for place, what in mistakes.items())
    return ChatError(Problem.INVALID, listed, fields=mistakes)
