"""Looks up the things of a signed-in user: notes that the assistant may answer from."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gevent
import orjson
from marshmallow import Schema, fields, validate

from app.engine.agent import ToolContext
from app.language.questions import significant_words
from app.tools.base import Tool, ToolError

MOST_THINGS = 20
MOST_CHARACTERS = 1000  # of each thing's content
MOST_BYTES = 30_000  # of all together as JSON, so that they fit into a result
CHARACTERS_AT_ONCE = 300_000  # of texts, times words that are looked for: at worst ten milliseconds


class Thing(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def content(self) -> str: ...


Things = Callable[[str], Sequence[Thing]]
"""Returns the things of the user with this id."""


class Arguments(Schema):
    query = fields.String(load_default="", validate=validate.Length(0, 200))


def best_things(things: Sequence[Thing], query: str) -> Sequence[Thing]:
    """The things in which a significant word of the query occurs, best match first; all if it has no such word.

    Other greenlets have their turns meanwhile: a user's things may be tens of megabytes.
    """
    words = [(word, re.compile(rf"\b{word}\b")) for word in set(significant_words(query))]
    if not words:
        return things
    matching: list[tuple[int, Thing]] = []
    looked_at = 0
    for thing in things:
        text = f"{thing.name}\n{thing.content}".lower()
        # The first look is quick and mostly says no.
        count = sum(word in text and bool(pattern.search(text)) for word, pattern in words)
        if count:
            matching.append((count, thing))
        looked_at += len(text) * len(words)
        if looked_at > CHARACTERS_AT_ONCE:
            looked_at = 0
            gevent.sleep(0)
    return [thing for _, thing in sorted(matching, key=lambda pair: -pair[0])]


def _as_many_as_fit(things: Sequence[Thing]) -> list[dict[str, str]]:
    """The first things, as JSON objects, within the limits above."""
    objects: list[dict[str, str]] = []
    left = MOST_BYTES
    for thing in things[:MOST_THINGS]:
        as_object = {"name": thing.name, "content": thing.content[:MOST_CHARACTERS]}
        left -= len(orjson.dumps(as_object)) + 1
        if left < 0:
            break
        objects.append(as_object)
    return objects


def tool(things: Things) -> Tool:
    """Its call raises ToolError where nobody is signed in."""

    def call(context: ToolContext, args: Mapping[str, Any]) -> dict[str, Any]:
        if context.user_id is None:
            raise ToolError("Nobody is signed in.")
        return {"things": _as_many_as_fit(best_things(things(context.user_id), args["query"]))}

    return Tool(
        name="stuff",
        description="Looks up what the user has noted down; the query's words select, and without one all is told.",
        arguments=Arguments,
        call=call,
    )
