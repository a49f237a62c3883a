"""The AI SDK's UI messages (ai/src/ui/ui-messages.ts, version 5) as the engine's.

A user's message is its text and images: what cannot be carried to a model is refused by name rather than dropped, but
only where the message counts. The SDK posts the whole conversation each time, refused messages too. Of an assistant's
message it sends back all that it was sent itself; only text, reasoning and tools are looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.engine.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    is_too_deep,
)
from app.schemas.fields import MOST_MISTAKES, BoundedList
from app.tools.toolbox import MOST_RESULT_BYTES
from app.web.requests.images import image_part

MOST_PARTS = 1000  # of a message


@dataclass(frozen=True, slots=True)
class UIMessage:
    """`results` are the outputs of tools that it carries, by the call's id; `refused` are parts that cannot be carried
    to a model, with the reason."""

    id: str | None
    message: Message
    results: Mapping[str, ToolResultPart] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> Sequence[int]:
        """The places of a user's images among its parts."""
        return [place for place, part in enumerate(self.message.parts) if isinstance(part, ImagePart)]


class UIMessageSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 128))
    role = fields.String(required=True, validate=validate.OneOf(["system", "user", "assistant"]))
    parts = BoundedList(fields.Dict(), validate.Length(max=MOST_PARTS), required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> UIMessage:
        read = _READERS[data["role"]]
        found: list[Part] = []
        refused: dict[str, str] = {}
        for index, part in enumerate(data["parts"]):
            try:
                found += read(part)
            except ValidationError as error:
                refused[f"parts.{index}.{error.field_name}"] = str(error.messages[0])
                if len(refused) == MOST_MISTAKES:
                    break
        results = {part.call_id: part for part in found if isinstance(part, ToolResultPart)}
        return UIMessage(data["id"], Message(data["role"], tuple(found)), results, refused)


def _of_system(part: Mapping[str, Any]) -> list[Part]:
    kind = _text(part, "type")
    if kind == "text":
        return [TextPart(_text(part, "text"))]
    raise ValidationError(f"Parts of the type {kind[:64]!r} are not understood.", "type")


def _of_user(part: Mapping[str, Any]) -> list[Part]:
    kind = _text(part, "type")
    if kind == "file" and _text(part, "mediaType").partition("/")[0].lower() == "image":
        return [_image(part)]
    if kind == "file":
        raise ValidationError("Only images can be looked at.", "mediaType")
    return _of_system(part)


def _image(part: Mapping[str, Any]) -> Part:
    try:
        return image_part(_text(part, "url"))
    except ValidationError as error:
        raise ValidationError(error.messages, "url") from error


def _of_assistant(part: Mapping[str, Any]) -> list[Part]:
    kind = _text(part, "type")
    if kind == "text":
        return [TextPart(_text(part, "text"))]
    if kind == "reasoning":
        return [ReasoningPart(_text(part, "text"))]
    if kind == "dynamic-tool" or kind.startswith("tool-"):
        return _tool(part, _text(part, "toolName") if kind == "dynamic-tool" else kind.removeprefix("tool-"))
    return []


def _tool(part: Mapping[str, Any], name: str) -> list[Part]:
    call_id = _text(part, "toolCallId")
    given = part.get("input")
    if is_too_deep(given):
        raise ValidationError("Nested too deeply.", "input")
    for place in ("output", "errorText"):
        check_output(part.get(place), place)
    call = ToolCallPart(call_id, name, given if isinstance(given, dict) else {})
    match part.get("state"):
        case "output-available":
            return [call, ToolResultPart(call_id, name, part.get("output"), False)]
        case "output-error":
            return [call, ToolResultPart(call_id, name, _text(part, "errorText"), True)]
    return [call]


_READERS = {"system": _of_system, "user": _of_user, "assistant": _of_assistant}


def check_output(value: Any, place: str) -> None:
    """What tools of the server may return at most. Raises ValidationError."""
    if is_too_deep(value):
        raise ValidationError("Nested too deeply.", place)
    if len(orjson.dumps(value)) > MOST_RESULT_BYTES:
        raise ValidationError(f"Larger than {MOST_RESULT_BYTES} bytes.", place)


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise ValidationError("Not a valid string.", name)
    return value
