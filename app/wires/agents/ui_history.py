"""Stored messages as the AI SDK's UI messages (ai/src/ui/ui-messages.ts, versions 5 to 7), as its useChat begins with
and its safeValidateUIMessages takes: parts `step-start`, `text`, `reasoning`, `source-url`, `source-document`, and
`tool-NAME` with a state."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from app.engine.agent import ToolSpec
from app.engine.messages import ImagePart, Message, ReasoningPart, SourcePart, TextPart, ToolCallPart, ToolResultPart
from app.store.histories import Conversation
from app.store.messages import StoredMessage
from app.store.rewinds import calls_of, waits
from app.web.requests.ids import public_id
from app.web.requests.images import media_type
from app.wires.agents.serializers import answer_metadata, message_id, page_metadata, source_part

NO_RESULT = "There is no result: the answer ended before it came."


def ui_messages(
    page: Sequence[StoredMessage], conversation: Conversation, client_tools: Sequence[ToolSpec], *, newest: bool
) -> list[dict[str, Any]]:
    """`newest`: whether the page's last message is the conversation's, for whose calls of `client_tools` the answer may
    wait."""
    shown = [_ui_message(each, conversation) for each in page]
    if newest and page and waits(page[-1]):
        waiting = calls_of(page[-1].message, {tool.name for tool in client_tools})
        shown[-1]["parts"] = [*_parts(page[-1].message, {*waiting})]
    return shown


def _ui_message(stored: StoredMessage, conversation: Conversation) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "conversationId": public_id(conversation.id),
        "messageId": message_id(stored.id),
        "userId": conversation.end_user,
        **page_metadata(stored.created_at, stored.model, stored.usage),
    }
    if stored.message.role == "assistant":
        metadata |= answer_metadata(stored) | ({"feedback": stored.feedback} if stored.feedback else {})
    parts = _parts(stored.message) if stored.message.role == "assistant" else _texts(stored.message)
    return {"id": message_id(stored.id), "role": stored.message.role, "metadata": metadata, "parts": [*parts]}


def _texts(message: Message) -> Iterator[dict[str, Any]]:
    for part in message.parts:
        if isinstance(part, TextPart):
            yield {"type": "text", "text": part.text}
        if isinstance(part, ImagePart):
            yield {"type": "file", "mediaType": media_type(part.url), "url": part.url}


def _parts(message: Message, waiting: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Of an answer. A step begins where something follows results, which are parts of their calls. There is always one,
    as in the stream: a page may count on a last part."""
    results = {part.call_id: part for part in message.parts if isinstance(part, ToolResultPart)}
    yield {"type": "step-start"}
    returned, sources = False, 0
    for part in message.parts:
        if isinstance(part, ToolResultPart):
            returned = True
            continue
        if isinstance(part, SourcePart):
            sources += 1
            yield source_part(part, sources)
            continue
        if returned:
            returned = False
            yield {"type": "step-start"}
        match part:
            case TextPart(text):
                yield {"type": "text", "text": text, "state": "done"}
            case ReasoningPart(text) if text:
                yield {"type": "reasoning", "text": text, "state": "done"}
            case ToolCallPart():
                yield _tool(part, results.get(part.call_id), waits=part.call_id in waiting)


def _tool(call: ToolCallPart, result: ToolResultPart | None, *, waits: bool) -> dict[str, Any]:
    shown = {"type": f"tool-{call.name}", "toolCallId": call.call_id, "input": dict(call.args)}
    if result and result.is_error:
        return {**shown, "state": "output-error", "errorText": str(result.result)}
    if result:
        return {**shown, "state": "output-available", "output": result.result}
    if waits:
        return {**shown, "state": "input-available"}
    return {**shown, "state": "output-error", "errorText": NO_RESULT}
