"""The messages that are posted, as the engine's. An answer's blocks and the results that the user's next message has
are one answer; thoughts come back as they were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.engine.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart
from app.web.requests.images import data_url, image_part
from app.web.requests.posted import Conversation, Posted, call_arguments, conversation
from app.web.requests.sealed import unsealed

Block = Mapping[str, Any]  # as PartSchema loads it
_MOST_ID = 256


@dataclass(frozen=True, slots=True)
class PostedConversation:
    """`images` are the places of those that were posted, such as `messages.0.content.1`."""

    said: Conversation
    images: tuple[str, ...]


def read_conversation(posted: Sequence[Mapping[str, Any]]) -> PostedConversation:
    """Raises ValidationError, for the block that is wrong."""
    messages = Posted()
    images = []
    for index, each in enumerate(posted):
        blocks = _placed(each)
        try:
            if each["role"] == "assistant":
                messages.answer(part for block in blocks for part in _said(*block))
            else:
                _add_user(messages, blocks)
        except ValidationError as error:
            raise ValidationError({"messages": {index: {error.field_name: error.messages}}}) from error
        images += [f"messages.{index}.{place}" for place, block in blocks if block["type"] == "image"]
    said = conversation(messages.messages())
    if posted[-1]["role"] != "user":
        raise ValidationError(
            "The last message must be the user's: an answer that was begun is not gone on with.", "messages"
        )
    return PostedConversation(said, tuple(images))


def _placed(message: Mapping[str, Any]) -> Sequence[tuple[str, Block]]:
    """The blocks with their places."""
    content = message["content"]
    if isinstance(content, str):
        return [("content", {"type": "text", "text": content})]
    return [(f"content.{index}", block) for index, block in enumerate(content)]


def _add_user(messages: Posted, blocks: Sequence[tuple[str, Block]]) -> None:
    """Results go to their calls. What is said beside them belongs to the last of them: there is no place for it between
    them and what the model says to them."""
    results = [(place, block) for place, block in blocks if block["type"] == "tool_result"]
    others = [(place, block) for place, block in blocks if block["type"] != "tool_result"]
    if not results:
        messages.say(Message("user", tuple(_asked(*block) for block in others)))
        return
    beside = [_text_of(place, block) for place, block in others]
    for number, (place, block) in enumerate(results, 1):
        texts = [_result(place, block), *(beside if number == len(results) else ())]
        call_id = _string(block, "tool_use_id", place)
        result = "\n\n".join(text for text in texts if text)
        messages.result(call_id, result, f"{place}.tool_use_id", is_error=block.get("is_error") is True)


def _asked(place: str, block: Block) -> Part:
    match block["type"]:
        case "text":
            return TextPart(_string(block, "text", place))
        case "image":
            return _image(place, block)
        case kind:
            raise ValidationError(f"Blocks of the type {kind[:64]!r} are not taken here.", f"{place}.type")


def _image(place: str, block: Block) -> Part:
    try:
        match block.get("source"):
            case {"type": "base64", "media_type": str(kind), "data": str(data)}:
                return image_part(data_url(kind, data))
            case {"type": "url", "url": str(url)}:
                return image_part(url)
    except ValidationError as error:
        raise ValidationError(error.messages, f"{place}.source") from error
    raise ValidationError("Must be of the type base64 or url.", f"{place}.source")


def _said(place: str, block: Block) -> Iterator[Part]:
    match block["type"]:
        case "text":
            yield TextPart(_string(block, "text", place))
        case "tool_use":
            call_id, name = _string(block, "id", place), _string(block, "name", place)
            yield ToolCallPart(call_id, name, call_arguments(block.get("input"), f"{place}.input"))
        case "thinking":
            yield ReasoningPart(_string(block, "thinking", place), unsealed(str(block.get("signature", ""))))
        case "redacted_thinking":
            pass  # of another server: here thoughts that are not shown are not told at all
        case kind:
            raise ValidationError(f"Blocks of the type {kind[:64]!r} are not taken here.", f"{place}.type")


def _result(place: str, block: Block) -> str:
    content = block.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise ValidationError("Must be a text, or blocks.", f"{place}.content")
    texts = []
    for index, each in enumerate(content):
        if not isinstance(each, dict):
            raise ValidationError("Not a block.", f"{place}.content.{index}")
        texts.append(_text_of(f"{place}.content.{index}", each))
    return "\n\n".join(texts)


def _text_of(place: str, block: Block) -> str:
    if block.get("type") != "text":
        raise ValidationError("Only text can be a result, or stand beside one.", f"{place}.type")
    return _string(block, "text", place)


def _string(block: Block, name: str, place: str) -> str:
    value = block.get(name)
    if not isinstance(value, str) or (name in ("id", "name", "tool_use_id") and not 0 < len(value) <= _MOST_ID):
        raise ValidationError("Not a valid string.", f"{place}.{name}")
    return value
