"""The messages that are posted, as the engine's: calls and results of tools become parts of their answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.engine.messages import Message, Part, TextPart, ToolCallPart
from app.web.requests.images import image_part
from app.web.requests.posted import Conversation, Posted, call_arguments, conversation

Entry = Mapping[str, Any]  # one message, as PostedMessageSchema loads it
SYSTEM = ("system", "developer")
_NO_FILES = {"input_audio": "Audio is not taken.", "file": "Files are not taken."}


@dataclass(frozen=True, slots=True)
class PostedConversation:
    """`system` and `images` are the places of those that were posted, such as `messages.0`."""

    said: Conversation
    system: tuple[str, ...]
    images: tuple[str, ...]


def read_conversation(posted: Sequence[Entry]) -> PostedConversation:
    """Raises ValidationError, for the message that is wrong."""
    messages = Posted()
    for index, each in enumerate(posted):
        try:
            _add(messages, each)
        except ValidationError as error:
            raise ValidationError({"messages": {index: {error.field_name: error.messages}}}) from error
    said = conversation(messages.messages())
    if posted[-1]["role"] not in ("user", "tool"):
        raise ValidationError("The last message must be the user's, or a tool's.", "messages")
    system = tuple(f"messages.{index}.role" for index, each in enumerate(posted) if each["role"] in SYSTEM)
    return PostedConversation(said, system, tuple(_images(posted)))


def _images(posted: Sequence[Entry]) -> Iterator[str]:
    for index, each in enumerate(posted):
        content = each["content"]
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if part["type"] == "image_url":
                yield f"messages.{index}.content.{place}"


def _add(messages: Posted, posted: Entry) -> None:
    match posted["role"]:
        case "tool":
            messages.result(posted["tool_call_id"], _text(posted["content"]), "tool_call_id")
        case "assistant":
            messages.answer(_said(posted))
        case "user":
            messages.say(Message("user", tuple(_asked(posted["content"]))))
        case _:
            messages.say(Message("system", (TextPart(_text(posted["content"])),)))


def _asked(content: str | Sequence[Entry]) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
        return
    for index, part in enumerate(content):
        match part:
            case {"type": "text", "text": str(text)}:
                yield TextPart(text)
            case {"type": "image_url", "image_url": {"url": str(url)} as image}:
                try:
                    yield image_part(url, image.get("detail") or "")
                except ValidationError as error:
                    raise ValidationError(error.messages, f"content.{index}.image_url.url") from error
            case {"type": str(kind)}:
                wrong = _NO_FILES.get(kind, f"Parts of the type {kind[:64]!r} are not understood.")
                raise ValidationError(wrong, f"content.{index}.type")


def _said(posted: Entry) -> Iterator[Part]:
    content = posted["content"]
    if content:
        yield TextPart(_text(content))
    for call in posted.get("tool_calls", ()):
        function = call["function"]
        yield ToolCallPart(call["id"], function["name"], call_arguments(function.get("arguments"), "tool_calls"))


def _text(content: str | Sequence[Entry] | None) -> str:
    """Of a message that has nothing but text, or of an answer that was refused."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for index, part in enumerate(content):
        text = part.get("text") if part["type"] == "text" else part.get("refusal")
        if not isinstance(text, str):
            raise ValidationError("Only text may stand here.", f"content.{index}.type")
        texts.append(text)
    return "".join(texts)
