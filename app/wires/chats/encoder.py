"""A turn as server-sent events: start, content, tool_call and tool_result, and at last end or error."""

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
from app.web.requests.ids import public_id
from app.web.responses.framing import SSE, SSE_KEEP_ALIVE, json_text, sse_json
from app.web.responses.tools import tool_call, tool_result
from app.wires.chats.errors import event_code


class ChatsEncoder:
    """Implements `Encoder`."""

    content_type = SSE

    def __init__(self) -> None:
        self._message_id = ""

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        return b"".join([_content(event.text) if type(event) is TextDelta else self._event(event) for event in batch])

    def _event(self, event: Event) -> bytes:
        match event:
            case TurnStarted(answer_id=answer_id):
                self._message_id = public_id(answer_id)
                return sse_json(type="start", messageId=self._message_id)
            case ToolCalled(call_id, name, args):
                return sse_json(type="tool_call", **tool_call(call_id, name, args))
            case ToolReturned(call_id, name, result, is_error):
                shown = tool_result(result, is_error=is_error)
                return sse_json(type="tool_result", toolCallId=call_id, toolName=name, **shown)
            case TurnFinished():
                return sse_json(type="end", messageId=self._message_id)
            case TurnFailed(error):
                return sse_json(type="error", error=event_code(error), message=error.message)
        return b""


def _content(text: str) -> bytes:
    return b'data: {"type":"content","delta":' + json_text(text) + b"}\n\n"
