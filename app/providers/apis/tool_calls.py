"""The tool calls of one response, put together from the pieces in which models write them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.engine.errors import ModelError, Problem
from app.engine.events import ToolCalled
from app.engine.messages import ProviderMetadata

log = logging.getLogger(__name__)

MOST_ARGUMENTS = 4 * 1024 * 1024  # characters of all arguments of one response, of which none has been passed on yet
MOST_CALLS = 64  # of one response; a model that makes more is confused, and running all would hold up everybody


@dataclass(slots=True)
class PartialCall:
    """A call that may still grow; `arguments` are pieces of its JSON, `number` its place among the calls."""

    number: int
    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


class ToolCalls:
    """The calls of one response, by the key of their pieces: the server's number, or the id where it numbers none."""

    def __init__(self) -> None:
        self._calls: list[PartialCall] = []
        self._by_key: dict[int | str, PartialCall] = {}
        self._room = MOST_ARGUMENTS

    @property
    def last(self) -> PartialCall:
        """The call that was started last. Raises LookupError where there is none."""
        return self._calls[-1]

    def get(self, key: int | str) -> PartialCall | None:
        """The call that was started last with this key, None where there is none."""
        return self._by_key.get(key)

    def start(self, key: int | str, call_id: str, name: str) -> PartialCall:
        """Start a call, to which later pieces with this key belong. Raises ModelError where there are MOST_CALLS."""
        if len(self._calls) == MOST_CALLS:
            log.warning("model makes more than %s tool calls at once", MOST_CALLS)
            raise ModelError(Problem.UPSTREAM_FAILED)
        number = key if isinstance(key, int) else len(self._calls)
        self._by_key[key] = call = PartialCall(number, call_id, name)
        self._calls.append(call)
        return call

    def add(self, call: PartialCall, piece: str) -> None:
        """Add a piece to the call's arguments. Raises ModelError where there are more than MOST_ARGUMENTS."""
        self._room -= len(piece)
        if self._room < 0:
            log.warning("model writes more than %s characters of arguments", MOST_ARGUMENTS)
            raise ModelError(Problem.UPSTREAM_FAILED)
        call.arguments.append(piece)

    def finish(self, metadata: Callable[[PartialCall], ProviderMetadata | None] = lambda _: None) -> list[ToolCalled]:
        """All calls in the order of their numbers, with their arguments parsed, and with their `metadata`."""
        ordered = enumerate(sorted(self._calls, key=lambda call: call.number))
        return [
            ToolCalled(
                call.call_id or f"call_{position}", call.name, parsed_arguments("".join(call.arguments)), metadata(call)
            )
            for position, call in ordered
        ]


def parsed_arguments(text: str) -> dict[str, Any]:
    """A call's arguments; {} for null and nothing, which some models write for none.

    What is no JSON object becomes the argument `malformed_arguments`, which no tool has: the tool's refusal then shows
    the model what it wrote.
    """
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        arguments = text
    if arguments is None:
        return {}
    return arguments if isinstance(arguments, dict) else {"malformed_arguments": text[:200]}
