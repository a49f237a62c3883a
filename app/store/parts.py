"""A message's parts as the JSON values of the column `messages.parts`, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.messages import (
    ImagePart,
    Message,
    Part,
    ProviderMetadata,
    ReasoningPart,
    SourcePart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)


def to_json(part: Part) -> dict[str, Any]:
    """An object with the part's `type` and its fields."""
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case ImagePart(url, detail):
            return {"type": "image", "url": url, "detail": detail}
        case ReasoningPart(text, metadata, shown):
            hidden = {} if shown else {"hidden": True}
            return {"type": "reasoning", "text": text, **hidden, **_metadata_to_json(metadata)}
        case ToolCallPart(call_id, name, args, metadata):
            call = {"type": "tool-call", "toolCallId": call_id, "toolName": name, "input": dict(args)}
            return {**call, **_metadata_to_json(metadata)}
        case ToolResultPart(call_id, name, result, is_error):
            return {
                "type": "tool-result",
                "toolCallId": call_id,
                "toolName": name,
                "output": result,
                "isError": is_error,
            }
        case SourcePart(source, title, url):
            return {"type": "source", "source": source, "title": title, "url": url}


def from_json(data: Mapping[str, Any]) -> Part:
    """The part that `to_json` made this of. Raises ValueError for a type that no part has."""
    match data["type"]:
        case "text":
            return TextPart(data["text"])
        case "image":
            return ImagePart(data["url"], data["detail"])
        case "reasoning":
            return ReasoningPart(data["text"], _metadata_from_json(data), not data.get("hidden"))
        case "tool-call":
            return ToolCallPart(data["toolCallId"], data["toolName"], data["input"], _metadata_from_json(data))
        case "tool-result":
            return ToolResultPart(data["toolCallId"], data["toolName"], data["output"], data["isError"])
        case "source":
            return SourcePart(data["source"], data["title"], data["url"])
    raise ValueError(f"unknown part type {data['type']!r}")


def _metadata_to_json(metadata: ProviderMetadata | None) -> dict[str, Any]:
    return {"providerMetadata": {"model": metadata.model, "value": dict(metadata.value)}} if metadata else {}


def _metadata_from_json(part: Mapping[str, Any]) -> ProviderMetadata | None:
    """Parts that were stored by earlier versions have none."""
    data = part.get("providerMetadata")
    return ProviderMetadata(data["value"], data["model"]) if data else None


def parts_to_json(message: Message) -> list[dict[str, Any]]:
    """All parts of the message, in order."""
    return [to_json(part) for part in message.parts]


def message_from_json(role: str, data: Sequence[Mapping[str, Any]]) -> Message:
    """The message of a row: its role, and the value of its column `parts`. Raises ValueError as `from_json` does."""
    return Message(role, tuple(from_json(part) for part in data))  # type: ignore[arg-type]  # the column holds roles
