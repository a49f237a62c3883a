"""The tool calls of one answer: told apart from all others of the conversation, and of tools that there are."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from app.engine.errors import ChatError, Problem
from app.engine.events import ToolCalled, ToolReturned
from app.engine.messages import Message, ToolCallPart, is_too_deep
from app.engine.tool_names import meant_name

MAX_REPEATS = 2  # of a call with the same arguments; one more is a loop


class AnswerCalls:
    """`names` are those of the tools that the model is offered. `messages` returns those of the conversation, with what
    the answer has said so far."""

    def __init__(self, names: Iterable[str], messages: Callable[[], Iterable[Message]]) -> None:
        self._names = dict.fromkeys(names)
        self._messages = messages
        self._ids: set[str] | None = None  # all of the conversation, once the model has called a tool
        self._made: Counter[tuple[str, str]] = Counter()

    def identified(self, call: ToolCalled) -> ToolCalled:
        """The call with the name of the tool that is meant, and with an id that is unique in the conversation. Callers
        find a call by its id, but some models number them anew in each answer, or give all calls one id.

        Raises ChatError where the arguments are nested too deeply.
        """
        if is_too_deep(call.args):
            raise ChatError(Problem.UPSTREAM_FAILED)
        if self._ids is None:
            parts = (part for message in self._messages() for part in message.parts)
            self._ids = {part.call_id for part in parts if isinstance(part, ToolCallPart)}
        name = meant_name(call.name, self._names)
        if name != call.name:
            call = replace(call, name=name)
        if call.call_id in self._ids:
            call = replace(call, call_id=f"{call.call_id}_{uuid.uuid4().hex[:8]}")
        self._ids.add(call.call_id)
        return call

    def check_loop(self, calls: Sequence[ToolCalled]) -> None:
        """Raises ChatError(TOOL_LOOP) where the model has made the same call more than MAX_REPEATS times."""
        for call in calls:
            self._made[call.name, repr(sorted(call.args.items()))] += 1
        if max(self._made.values()) > MAX_REPEATS:
            raise ChatError(Problem.TOOL_LOOP)

    def refused(self, calls: Sequence[ToolCalled]) -> list[ToolReturned]:
        """The results of calls of tools that there are not."""
        there = ", ".join(self._names)
        says = f"There is no such tool. There are: {there}." if there else "There are no tools."
        unknown = [call for call in calls if call.name not in self._names]
        return [ToolReturned(call.call_id, call.name, says, is_error=True) for call in unknown]

    def known(self, calls: Sequence[ToolCalled]) -> list[ToolCalled]:
        """The calls of tools that there are."""
        return [call for call in calls if call.name in self._names]
