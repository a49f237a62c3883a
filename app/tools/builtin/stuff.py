"""A user's own things: what someone who has signed in wants the assistant to know."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson
from marshmallow import Schema, fields, validate

from app.engine.agent import ToolContext
from app.tools.base import Tool, ToolError
from app.tools.stop_words import significant_words

MOST_THINGS = 20
MOST_CHARACTERS = 1000  # of a thing's content
MOST_BYTES = 30_000  # of them all, so that they fit into a result


class Thing(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def content(self) -> str: ...


Things = Callable[[str], Sequence[Thing]]
"""The things of the user with that id."""


class Arguments(Schema):
    query = fields.String(load_default="", validate=validate.Length(0, 200))


def best_things(things: Sequence[Thing], query: str) -> Sequence[Thing]:
    """Those in which a word of the query occurs, those with most of them first; all where the query says nothing."""
    words = set(significant_words(query))
    if not words:
        return things
    counted = [
        (sum(_occurs(word, f"{thing.name}\n{thing.content}".lower()) for word in words), thing) for thing in things
    ]
    found = [(count, thing) for count, thing in counted if count]
    return [thing for _, thing in sorted(found, key=lambda pair: -pair[0])]


def _occurs(word: str, text: str) -> bool:
    return word in text and bool(re.search(rf"\b{word}\b", text))  # the first is quick and mostly says no


def _told(things: Sequence[Thing]) -> list[dict[str, str]]:
    """As many as fit."""
    told: list[dict[str, str]] = []
    left = MOST_BYTES
    for thing in things[:MOST_THINGS]:
        one = {"name": thing.name, "content": thing.content[:MOST_CHARACTERS]}
        left -= len(orjson.dumps(one)) + 1
        if left < 0:
            break
        told.append(one)
    return told


def tool(things: Things) -> Tool:
    def call(context: ToolContext, args: Mapping[str, Any]) -> dict[str, Any]:
        if context.user_id is None:
            raise ToolError("Nobody is signed in.")
        return {"things": _told(best_things(things(context.user_id), args["query"]))}

    return Tool(
        name="stuff",
        description="Looks up what the user has noted down; the query's words select, and without one all is told.",
        arguments=Arguments,
        call=call,
    )
