"""The arguments of a tool call, however a model server has written them."""

import json
from collections.abc import Sequence
from typing import Any

import orjson

MOST_CALLS = 64  # of one response; a model that makes more is confused, and running all would hold up everybody
MOST_NESTING = 3  # of JSON in JSON texts
MOST_VALUES = 1_000  # that follow each other
MOST_LOOKED_AT = 65_536
_decoder = json.JSONDecoder(strict=False)  # models write line ends in texts as they are


def is_whole(pieces: Sequence[str]) -> bool:
    """Whether the pieces are JSON already; False where there are more than MOST_LOOKED_AT characters of them."""
    last = next((piece for piece in reversed(pieces) if not piece.isspace()), "").rstrip()
    if not last.endswith(("}", "]", '"', "null")) or sum(map(len, pieces)) > MOST_LOOKED_AT:
        return False
    try:
        orjson.loads("".join(pieces))
    except orjson.JSONDecodeError:
        return False
    return True


def arguments_of(pieces: Sequence[str]) -> list[dict[str, Any]]:
    """The arguments of each call that the pieces hold: of one, nearly always.

    - Nothing, null and an empty list are no arguments.
    - JSON in a JSON text is read too.
    - `{}` in front of others, and others once more, count once: openai/openai-agents-js#712, lidge-jun/opencodex#361.
    - Several different objects are the arguments of several calls that were given one number: camel-ai/camel#3662.
    - Where the pieces together make no sense, the last one may say it all.

    What is no JSON object becomes the argument `malformed_arguments`, which no tool has: the tool's refusal then shows
    the model what it wrote.
    """
    text = "".join(pieces)
    found = _objects(text, MOST_NESTING)
    if found is None and pieces:
        found = _objects(pieces[-1], MOST_NESTING)
    if found is None:
        return [{"malformed_arguments": text[:200]}]
    distinct: list[dict[str, Any]] = []
    for each in found:
        if each and each not in distinct:
            distinct.append(each)
        if len(distinct) > MOST_CALLS:
            return [{"malformed_arguments": text[:200]}]
    return distinct or [{}]


def _objects(text: str, nesting: int) -> list[dict[str, Any]] | None:
    """The JSON objects that the text consists of; None where it is anything else."""
    try:
        values = [orjson.loads(text)] if text.strip() else []
    except orjson.JSONDecodeError:
        values = _values(text)
    found: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, dict):
            found.append(value)
        elif isinstance(value, str) and nesting:
            inner = _objects(value, nesting - 1)
            if inner is None:
                return None
            found += inner
        elif value is not None and value != []:
            return None
    return found if values or not text.strip() else None


def _values(text: str) -> list[Any]:
    """JSON values that follow each other; none where anything else stands between them, or what cannot be stored."""
    values: list[Any] = []
    at, end = 0, len(text)
    try:
        while at < end:
            if text[at].isspace():
                at += 1
                continue
            value, at = _decoder.raw_decode(text, at)
            values.append(value)
            if len(values) > MOST_VALUES:
                return []
        orjson.dumps(values)
    except (ValueError, TypeError, RecursionError):
        return []
    return values
