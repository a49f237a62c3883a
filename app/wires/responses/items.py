"""Parts of messages as items, with ids that say where they stand: `KIND_ANSWER_N`, the N-th that is told of an answer;
thoughts that are not shown are numbered apart, and items of an input too."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from app.engine.events import ToolCalled
from app.engine.messages import (
    ImagePart,
    Message,
    Part,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from app.web.requests.caller_tools import IsCallers
from app.web.requests.sealed import Seal

Item = dict[str, Any]
COMPACTION = "compaction"
"""Stands for a model in what is sealed of a summary."""
_HIDDEN_ID = re.compile(r"rs_[0-9a-f]{32}_h[0-9]+")
_OUTPUT_ID = re.compile(r"(?:msg|fc|rs)_([0-9a-f]{32})_h?[0-9]+")


def answer_of_item(item_id: str) -> str | None:
    """The stored id of the answer that says it; None for what is no item of an output."""
    found = _OUTPUT_ID.fullmatch(item_id)
    return found[1] if found else None


def identified(answer_id: str, parts: Sequence[Part], is_callers: IsCallers) -> Iterator[tuple[str, Part]]:
    """What is told of an answer, with the items' ids. Calls of tools that run here are not, nor are their results."""
    told = hidden = 0
    for part in parts:
        match part:
            case TextPart():
                kind = "msg"
            case ReasoningPart(shown=True):
                kind = "rs"
            case ReasoningPart(_, metadata):
                if metadata:
                    yield f"rs_{answer_id}_h{hidden}", part
                    hidden += 1
                continue
            case ToolCallPart(call_id, name, args) if is_callers(ToolCalled(call_id, name, args)):
                kind = "fc"
            case _:
                continue
        yield f"{kind}_{answer_id}_{told}", part
        told += 1


def is_hidden(item: Mapping[str, Any]) -> bool:
    """Whether it is a thought that is not shown, of which no event tells."""
    return bool(_HIDDEN_ID.fullmatch(item["id"]))


def output_items(answer_id: str, parts: Sequence[Part], is_callers: IsCallers, seal: Seal | None) -> list[Item]:
    """With a `seal` they have what models want back of their thoughts, also of those that are not shown."""
    return [
        item_of(item_id, part, seal)
        for item_id, part in identified(answer_id, parts, is_callers)
        if seal or not isinstance(part, ReasoningPart) or part.shown
    ]


def item_of(item_id: str, part: Part, seal: Seal | None) -> Item:
    match part:
        case TextPart(text):
            return message_item(item_id, "completed", [text_content(text)])
        case ReasoningPart(text, metadata):
            signature = {"encrypted_content": seal(metadata)} if seal and metadata else {}
            summary = [{"type": "summary_text", "text": text}] if text else []
            return {"type": "reasoning", "id": item_id, "summary": summary, **signature}
        case ToolCallPart(call_id, name, args):
            return call_item(item_id, call_id, name, arguments_of(args), "completed")
        case ToolResultPart(call_id, _, result):
            output = result if isinstance(result, str) else orjson.dumps(result).decode()
            told = {"type": "function_call_output", "id": item_id, "call_id": call_id, "output": output}
            return {**told, "status": "completed"}
    raise AssertionError("nothing else is told")


def input_items(answer_id: str, messages: Sequence[Message], own_tools: Sequence[str], seal: Seal) -> list[Item]:
    """What was posted, as items. Calls of the agent's `own_tools` were made here."""
    told = [
        (message, parts)
        for message in messages
        for parts in ([message.parts] if message.role != "assistant" else [(part,) for part in message.parts])
        if message.role != "assistant" or _is_posted(parts[0], own_tools)
    ]
    return [_input_item(f"in_{answer_id}_{number}", *each, seal) for number, each in enumerate(told)]


def _is_posted(part: Part, own_tools: Sequence[str]) -> bool:
    match part:
        case ToolCallPart(name=name) | ToolResultPart(name=name):
            return name not in own_tools
        case ReasoningPart(text, metadata):
            return bool(text or metadata)
    return isinstance(part, TextPart)


def _input_item(item_id: str, message: Message, parts: Sequence[Part], seal: Seal) -> Item:
    if message.role == "assistant":
        return item_of(item_id, parts[0], seal)
    return {**message_item(item_id, "completed", [*_contents(parts)]), "role": message.role}


def _contents(parts: Sequence[Part]) -> Iterator[Item]:
    for part in parts:
        match part:
            case TextPart(text):
                yield {"type": "input_text", "text": text}
            case ImagePart(url, detail):
                yield {"type": "input_image", "image_url": url, "detail": detail or "auto"}


def message_item(item_id: str, status: str, content: Sequence[Item]) -> Item:
    return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": [*content]}


def text_content(text: str) -> Item:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def call_item(item_id: str, call_id: str, name: str, arguments: str, status: str) -> Item:
    told = {"type": "function_call", "id": item_id, "call_id": call_id, "name": name, "arguments": arguments}
    return {**told, "status": status}


def arguments_of(args: Mapping[str, Any]) -> str:
    """The text of an object."""
    return orjson.dumps(dict(args)).decode()


def compaction_item(answer_id: str, summary: str, seal: Seal) -> Item:
    """What was said before, in short; to be posted again as it is."""
    content = seal(ProviderMetadata({"summary": summary}, COMPACTION))
    return {"type": "compaction", "id": f"cmp_{answer_id}", "encrypted_content": content}
