"""A turn as NDJSON lines: start, token, done, error; tool lines only where the agent shows its tools.

Everything is ASCII: widgets decode each network chunk on its own, and would lose a character cut in two.
"""

import json
from typing import Any

from app.engine.events import (
    Batch,
    Event,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.web.responses.framing import NDJSON, NDJSON_KEEP_ALIVE, ascii_string
from app.web.responses.tools import tool_call, tool_result
from app.wires.widget.serializers import sources


class WidgetEncoder:
    """Implements `Encoder`."""

    content_type = NDJSON

    def __init__(self, show_tools: bool) -> None:
        self._show_tools = show_tools
        self._message_id = ""

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return NDJSON_KEEP_ALIVE
        lines = [_token(event.text) if type(event) is TextDelta else self._line(event) for event in batch]
        return "".join(lines).encode("ascii")

    def _line(self, event: Event) -> str:
        match event:
            case TurnStarted(conversation_id, answer_id=answer_id):
                self._message_id = answer_id
                return _json(type="start", conversationId=conversation_id)
            case TurnFinished(message, conversation_id=conversation_id):
                ids = {"conversationId": conversation_id, "messageId": self._message_id}
                return _json(type="done", message=message.text, **ids, **sources(message))
            case TurnFailed(error):
                return _json(type="error", error=error.message)
            case ToolCalled(call_id, name, args) if self._show_tools:
                return _json(type="tool_call", **tool_call(call_id, name, args))
            case ToolReturned(call_id, name, result, is_error) if self._show_tools:
                shown = tool_result(result, is_error=is_error)
                return _json(type="tool_result", toolCallId=call_id, toolName=name, **shown)
        return ""


def _token(text: str) -> str:
    return f'{{"type":"token","token":{ascii_string(text)}}}\n'


def _json(**fields: Any) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
