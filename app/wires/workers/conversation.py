"""The messages that are posted, as the engine's: calls of tools and their results become parts of the answer that they
belong to.

Clients write them in several ways. Most, workers-ai-provider 4.0.0 among them, write OpenAI's: `tool_calls` with ids,
and for each a message of the role `tool` with its `tool_call_id`. Workers AI's own calls are a `name` and `arguments`
without an id. @cloudflare/ai-utils 1.0.1 posts such a call as the text of an assistant's message, and its result with
the tool's name alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from marshmallow import ValidationError

from app.engine.messages import (
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from app.tools.toolbox import MOST_RESULT_BYTES
from app.web.requests.posted import (
    Conversation,
    call_arguments,
    conversation,
    open_calls,
)

Posted = Mapping[str, Any]  # one message, as MessageSchema loads it


@dataclass(frozen=True, slots=True)
class PostedConversation:
    """The conversation, and the places of system messages among those that were posted."""

    said: Conversation
    system: tuple[int, ...]


def read_conversation(posted: Sequence[Posted]) -> PostedConversation:
    """Raises ValidationError, for the message that is wrong."""
    messages: list[Message] = []
    for index, each in enumerate(posted):
        try:
            _add(messages, each, index)
        except ValidationError as error:
            raise ValidationError({"messages": {index: {error.field_name: error.messages}}}) from error
    said = conversation(messages)
    if posted[-1]["role"] not in ("user", "tool"):
        raise ValidationError("The last message must be the user's, or a tool's.", "messages")
    system = tuple(place for place, each in enumerate(posted) if each["role"] == "system")
    return PostedConversation(said, system)


def _add(messages: list[Message], posted: Posted, index: int) -> None:
    match posted["role"]:
        case "tool":
            _add_result(messages, posted, index)
        case "assistant":
            _add_answer(messages, [*_parts(posted, index)])
        case role:
            messages.append(text_message(role, posted["content"]))


def _add_answer(messages: list[Message], parts: Sequence[Part]) -> None:
    """What the assistant has said: the next round of the answer before it, where that has called tools."""
    last = messages[-1] if messages else None
    if last and any(isinstance(part, ToolCallPart) for part in last.parts):
        messages[-1] = Message("assistant", (*last.parts, *parts))
    else:
        messages.append(Message("assistant", tuple(parts)))


def _parts(posted: Posted, index: int) -> Iterator[Part]:
    if posted.get("reasoning"):
        yield ReasoningPart(posted["reasoning"])
    calls = posted.get("tool_calls") or ()
    if posted["content"] or not calls:
        yield TextPart(posted["content"])
    for number, call in enumerate(calls):
        function = call.get("function") or call
        yield ToolCallPart(
            call.get("id") or f"call_{index}_{number}",
            function["name"],
            call_arguments(function.get("arguments"), "tool_calls"),
        )


def _add_result(messages: list[Message], posted: Posted, index: int) -> None:
    """Put the result behind its call: the one of that id, or without an id the first of that name that has none."""
    content, call_id, name = posted["content"] or "", posted.get("tool_call_id"), posted.get("name")
    if len(content.encode()) > MOST_RESULT_BYTES:
        raise ValidationError(f"Larger than {MOST_RESULT_BYTES} bytes.", "content")
    if not messages or messages[-1].role != "assistant":
        raise ValidationError("There is no call that it is the result of.", "role")
    for call in open_calls(messages[-1]):
        if call_id == call.call_id or (not call_id and name in (None, call.name)):
            break
    else:
        written = _written_call(messages, name, index) if name and not call_id else None
        if written is None:
            raise ValidationError("There is no call that it is the result of.", "tool_call_id" if call_id else "role")
        call = written
    _put_result(messages, ToolResultPart(call.call_id, call.name, content, False))


def _put_result(messages: list[Message], result: ToolResultPart) -> None:
    messages[-1] = Message("assistant", (*messages[-1].parts, result))


def _written_call(messages: list[Message], name: str, index: int) -> ToolCallPart | None:
    """The call of this name that was posted as a text since the last message of another role: it takes the text's
    place, and all since then is one answer."""
    start = len(messages)
    while start and messages[start - 1].role == "assistant":
        start -= 1
    parts = [part for message in messages[start:] for part in message.parts]
    for place, part in enumerate(parts):
        if isinstance(part, TextPart) and part.text.startswith("{") and len(part.text) <= MOST_RESULT_BYTES:
            try:
                written = orjson.loads(part.text)
            except orjson.JSONDecodeError:
                continue
            if written.get("name") == name and "arguments" in written:
                parts[place] = call = ToolCallPart(
                    f"call_{index}", name, call_arguments(written["arguments"], "tool_calls")
                )
                messages[start:] = [Message("assistant", tuple(parts))]
                return call
    return None
