"""The tool calls of one response, put together from the pieces in which models write them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from app.engine.errors import ModelError, Problem
from app.engine.events import ToolCalled
from app.engine.messages import ProviderMetadata
from app.providers.apis.arguments import MOST_CALLS, arguments_of

MOST_ARGUMENTS = 4 * 1024 * 1024  # characters of all arguments of one response, of which none has been passed on yet
TOO_MANY = f"makes more than {MOST_CALLS} tool calls at once"
MOST_WORD = 256  # characters of a name, and of an id; what is behind them is cut off


@dataclass(slots=True)
class PartialCall:
    """A call that may still grow; `arguments` are pieces of its JSON. `number` is the server's own, None where it
    numbers none."""

    number: int | None
    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def has_arguments(self) -> bool:
        """Whether more has come than the `{}` or null that some servers send in front."""
        return "".join(self.arguments).strip() not in ("", "{}", "null")

    def has_said(self, arguments: str) -> bool:
        """Whether a piece repeats all that has come, or says nothing."""
        return arguments.strip() in ("".join(self.arguments).strip(), "{}", "null")


class ToolCalls:
    """The calls of one response, as they were started."""

    def __init__(self) -> None:
        self._calls: list[PartialCall] = []
        self._by_number: dict[int, PartialCall] = {}
        self._by_id: dict[str, PartialCall] = {}
        self._room = MOST_ARGUMENTS

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def last(self) -> PartialCall | None:
        """The call that was started last."""
        return self._calls[-1] if self._calls else None

    def numbered(self, number: int | None) -> PartialCall | None:
        """The call that was started last with this number."""
        return None if number is None else self._by_number.get(number)

    def identified(self, call_id: str) -> PartialCall | None:
        """The call that was given this id last."""
        return self._by_id.get(call_id)

    def start(self, number: int | None, call_id: str, name: str) -> PartialCall:
        """Start a call. Raises ModelError where there are MOST_CALLS."""
        if len(self._calls) == MOST_CALLS:
            raise ModelError(Problem.UPSTREAM_FAILED, reason=TOO_MANY)
        call = PartialCall(number, "", name[:MOST_WORD])
        self._calls.append(call)
        if number is not None:
            self._by_number[number] = call
        self.identify(call, call_id)
        return call

    def identify(self, call: PartialCall, call_id: str) -> None:
        """Give the call its id, if it has none yet."""
        if call_id and not call.call_id:
            call.call_id = call_id[:MOST_WORD]
            self._by_id[call.call_id] = call

    def add(self, call: PartialCall, piece: str) -> None:
        """Add a piece to the call's arguments. Raises ModelError where there are more than MOST_ARGUMENTS."""
        self._room -= len(piece)
        if self._room < 0:
            raise ModelError(
                Problem.UPSTREAM_FAILED, reason=f"writes more than {MOST_ARGUMENTS} characters of arguments"
            )
        if piece:
            call.arguments.append(piece)

    def finish(self, metadata: Callable[[PartialCall], ProviderMetadata | None] = lambda _: None) -> list[ToolCalled]:
        """All calls in the order of their numbers, with their arguments parsed, and with their `metadata`. What has
        neither a name nor arguments is none. Raises ModelError as `start` does."""
        made: list[ToolCalled] = []
        for call in self._in_order():
            for part, arguments in enumerate(arguments_of(call.arguments)):
                call_id, beside = ("", None) if part else (call.call_id, metadata(call))
                made.append(ToolCalled(call_id or f"call_{len(made)}", call.name, arguments, beside))
        if len(made) > MOST_CALLS:
            raise ModelError(Problem.UPSTREAM_FAILED, reason=TOO_MANY)
        return made

    def _in_order(self) -> list[PartialCall]:
        """The calls by their numbers. Arguments that were started as a call of their own, since all that identifies
        them was new, are those of the call before them, if it has none."""
        calls: list[PartialCall] = []
        for call in self._calls:
            if calls and not (call.name or calls[-1].arguments):
                calls[-1].arguments = call.arguments
                calls[-1].metadata.update(call.metadata)
            elif call.name or call.arguments:
                calls.append(call)
        places = [position if call.number is None else call.number for position, call in enumerate(calls)]
        return [call for _, call in sorted(zip(places, calls, strict=True), key=itemgetter(0))]
