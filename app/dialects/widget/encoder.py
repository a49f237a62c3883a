"""A turn as NDJSON lines: start, token, done, error; tool lines only where the agent shows its tools.

Everything is ASCII: widgets decode each network chunk on its own, and would lose a character cut in two.
"""

import json
from collections.abc import Iterator
from typing import Any

from app.engine.events import (
    Batch,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.http.wire import NDJSON, NDJSON_KEEP_ALIVE, ascii_string


class WidgetEncoder:
    """Implements `Encoder`."""

    content_type = NDJSON

    def __init__(self, show_tools: bool) -> None:
        self._show_tools = show_tools

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return NDJSON_KEEP_ALIVE
        if len(batch) == 1 and type(batch[0]) is TextDelta:  # nearly always
            return _token(batch[0].text).encode("ascii")
        return "".join(self._lines(batch)).encode("ascii")

    def _lines(self, batch: Batch) -> Iterator[str]:
        for event in batch:
            match event:
                case TextDelta(text):
                    yield _token(text)
                case TurnStarted(conversation_id):
                    yield _line(type="start", conversationId=conversation_id)
                case TurnFinished(message, conversation_id=conversation_id):
                    yield _line(type="done", message=message.text, conversationId=conversation_id)
                case TurnFailed(error):
                    yield _line(type="error", error=error.message)
                case ToolCalled(call_id, name, args) if self._show_tools:
                    yield _line(type="tool_call", toolCallId=call_id, toolName=name, toolArgs=args)
                case ToolReturned(call_id, name, result, is_error) if self._show_tools:
                    failed = {"isError": True} if is_error else {}
                    yield _line(type="tool_result", toolCallId=call_id, toolName=name, result=result, **failed)


def _token(text: str) -> str:
    return f'{{"type":"token","token":{ascii_string(text)}}}\n'


def _line(**fields: Any) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
