"""The whole conversation as a caller posts it, on the wires where it does: calls of tools and their results become
parts of the answer that they belong to."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import ValidationError

from app.engine.messages import ImagePart, Message, Part, ToolCallPart, ToolResultPart, is_too_deep


@dataclass(frozen=True, slots=True)
class Conversation:
    """The last question of the user, what was said before it, and what the answer to it has called and found so far."""

    earlier: tuple[Message, ...]
    question: Message
    so_far: Message | None

    @property
    def messages(self) -> tuple[Message, ...]:
        return (*self.earlier, self.question, *([self.so_far] if self.so_far else ()))


def conversation(messages: Sequence[Message]) -> Conversation:
    """Raises ValidationError where the user has asked nothing, or a call of the last answer has no result."""
    asked = max((place for place, message in enumerate(messages) if message.role == "user"), default=None)
    if asked is None:
        raise ValidationError("One message must be the user's.", "messages")
    question = messages[asked]
    if not question.text.strip() and not any(isinstance(part, ImagePart) for part in question.parts):
        raise ValidationError("The question must not be blank.")
    behind = messages[asked + 1 :]
    so_far = Message("assistant", tuple(part for each in behind if each.role == "assistant" for part in each.parts))
    if next(open_calls(so_far), None):
        raise ValidationError("Each call of the last answer needs its result.", "messages")
    earlier = (*messages[:asked], *(each for each in behind if each.role == "system"))
    return Conversation(earlier, question, so_far if so_far.parts else None)


def open_calls(message: Message) -> Iterator[ToolCallPart]:
    """The calls without a result."""
    results = Counter(part.call_id for part in message.parts if isinstance(part, ToolResultPart))
    for part in message.parts:
        if isinstance(part, ToolCallPart):
            if results[part.call_id]:
                results[part.call_id] -= 1
            else:
                yield part


class Posted:
    """What is posted, one thing after the other, behind what was said `before`. Each takes the same time, however many
    there are: coding agents post an answer of hundreds of calls and results."""

    def __init__(self, before: Sequence[Message] = ()) -> None:
        self._messages = [*before]
        self._answer: list[Part] | None = None  # the one that stands last, and may go on
        # Its calls without a result, by their ids.
        self._open: defaultdict[str, deque[ToolCallPart]] = defaultdict(deque)
        self._has_calls = False
        if before and before[-1].role == "assistant":
            last = self._messages.pop()
            self._answer = [*last.parts]
            self._has_calls = any(isinstance(part, ToolCallPart) for part in last.parts)
            for call in open_calls(last):
                self._open[call.call_id].append(call)

    def say(self, message: Message) -> None:
        """What is not the assistant's."""
        self._end()
        self._messages.append(message)

    def answer(self, parts: Iterable[Part], *, joins: bool = False) -> None:
        """What the assistant has said: the next round of the answer before it, where that has called tools, or in any
        case where it `joins`."""
        if self._answer is None or not (joins or self._has_calls):
            self._end()
            self._answer = []
        for part in parts:
            self._answer.append(part)
            if isinstance(part, ToolCallPart):
                self._has_calls = True
                self._open[part.call_id].append(part)

    def result(self, call_id: str, result: Any, field: str, *, is_error: bool = False) -> None:
        """Of a call in the answer that stands last. Raises ValidationError, for that field, where none of this id waits
        for one."""
        waiting = self._open.get(call_id)
        if self._answer is None or not waiting:
            raise ValidationError("There is no call that it is the result of.", field)
        self._answer.append(ToolResultPart(call_id, waiting.popleft().name, result, is_error))

    def messages(self) -> list[Message]:
        self._end()
        return self._messages

    def _end(self) -> None:
        if self._answer is not None:
            self._messages.append(Message("assistant", tuple(self._answer)))
        self._answer, self._has_calls = None, False
        self._open.clear()


def call_arguments(given: Any, field: str) -> Mapping[str, Any]:
    """An object, or one written as JSON. What a model wrote that is neither is kept as the engine keeps it. Raises
    ValidationError, for that field, where it is nested too deeply."""
    if given in (None, "", "{}"):  # most of thousands
        return {}
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return {"malformed_arguments": given[:200]}
    if is_too_deep(given):
        raise ValidationError("Nested too deeply.", field)
    if isinstance(given, Mapping):
        return given
    return {"malformed_arguments": str(given)[:200]}
