"""The AI SDK's UI messages (ai/src/ui/ui-messages.ts, version 5) as the engine's.

A user's message is its text: what cannot be carried to a model is refused by name rather than dropped, but only where
the message counts. The SDK posts the whole conversation each time, refused messages too. Of an assistant's message it
sends back all that it was sent itself; only text, reasoning and tools are looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.engine.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, is_too_deep
from app.schemas.fields import MOST_MISTAKES, BoundedList
from app.tools.toolbox import MOST_RESULT_BYTES

MOST_PARTS = 1000  # of a message


@dataclass(frozen=True, slots=True)
class UIMessage:
    """`results` are the outputs of tools that it carries, by the call's id; `refused` are parts that cannot be carried
    to a model, with the reason."""

    id: str | None
    message: Message
    results: Mapping[str, ToolResultPart] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


class UIMessageSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 128))
    role = fields.String(required=True, validate=validate.OneOf(["system", "user", "assistant"]))
    parts = BoundedList(fields.Dict(), validate.Length(max=MOST_PARTS), required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> UIMessage:
        read = _of_assistant if data["role"] == "assistant" else _of_others
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


def _of_others(part: Mapping[str, Any]) -> list[Part]:
    kind = _text(part, "type")
    if kind == "text":
        return [TextPart(_text(part, "text"))]
    if kind == "file":
        raise ValidationError("This agent's model takes no files.", "type")
    raise ValidationError(f"Parts of the type {kind[:64]!r} are not understood.", "type")


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
