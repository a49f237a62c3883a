"""The tool calls of one reply, put together from the pieces in which models write them."""

import logging
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from app.engine.errors import ModelError, Problem
from app.engine.events import ToolCalled

log = logging.getLogger(__name__)

MOST_CALLS = 64  # of one reply; a model that makes more is lost, and to run them all would hold up everybody


@dataclass(slots=True)
class PartialCall:
    """A call that may go on; `arguments` are pieces of its JSON."""

    number: int
    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)


class ToolCalls:
    """Calls by the key under which their pieces come: the server's number, or an id where it numbers none."""

    def __init__(self) -> None:
        self._calls: list[PartialCall] = []
        self._open: dict[int | str, PartialCall] = {}

    @property
    def last(self) -> PartialCall:
        """The latest to have been started. Raises LookupError where none was."""
        return self._calls[-1]

    def get(self, key: int | str) -> PartialCall | None:
        """The latest call of that key."""
        return self._open.get(key)

    def start(self, key: int | str, call_id: str, name: str) -> PartialCall:
        """A new call, to which the key's further pieces belong. Raises ModelError where there are too many."""
        if len(self._calls) == MOST_CALLS:
            log.warning("model makes more than %s tool calls at once", MOST_CALLS)
            raise ModelError(Problem.UPSTREAM_FAILED)
        number = key if isinstance(key, int) else len(self._calls)
        self._open[key] = call = PartialCall(number, call_id, name)
        self._calls.append(call)
        return call

    def finish(self) -> list[ToolCalled]:
        """All of them, by number."""
        ordered = enumerate(sorted(self._calls, key=lambda call: call.number))
        return [
            ToolCalled(call.call_id or f"call_{place}", call.name, parsed_arguments("".join(call.arguments)))
            for place, call in ordered
        ]


def accepted_id(call_id: str, accepted: re.Pattern[str]) -> str:
    """The id under which an API takes a call back: its own servers' fit; those of other models, of callers and of
    workflows may not, and are replaced, each by the same one wherever it stands."""
    if accepted.fullmatch(call_id):
        return call_id
    return f"call_{sha256(call_id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def parsed_arguments(text: str) -> dict[str, Any]:
    """Some models write none as null. What is no JSON object is handed on under a name that no tool knows: the model
    is then told what it wrote."""
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        arguments = text
    if arguments is None:
        return {}
    return arguments if isinstance(arguments, dict) else {"malformed_arguments": text[:200]}
