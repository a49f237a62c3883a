"""A turn as the AI SDK's UI message stream (version 1, server-sent events), or as the Chatbase document's bare lines.

Strict clients refuse keys they do not know, and `null` where a key is optional: only what the protocol names is sent.
"""

from collections.abc import Collection, Mapping
from typing import Any

from app.engine.events import (
    Batch,
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import SourcePart, Usage
from app.web.responses.framing import NDJSON_KEEP_ALIVE, SSE, SSE_KEEP_ALIVE, json_bytes, json_text, sse, sse_json
from app.wires.agents.serializers import finish_metadata, page_metadata, source_part, start_metadata

_DONE = sse(b"[DONE]")


class UIMessageEncoder:
    """Implements `Encoder`. With `documented`, the first chunk and the last one also have the `metadata` of Chatbase's
    document. With `told` only calls of these tools are told: some callers run every call that they are told of."""

    content_type = SSE

    def __init__(self, *, documented: bool, told: Collection[str] | None = None) -> None:
        self._documented = documented
        self._told = told
        self._started = TurnStarted("", "", "")
        self._delta = _delta("text", "t0")
        self._documents: set[str] = set()

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        return b"".join([self._token(each.text) if type(each) is TextDelta else self._chunk(each) for each in batch])

    def _token(self, text: str) -> bytes:
        return self._delta + json_text(text) + b"}\n\n"

    def _chunk(self, event: Event) -> bytes:  # noqa: C901, PLR0911, PLR0912 - a line for each kind
        match event:
            case ReasoningDelta(text):
                return self._token(text)
            case TurnStarted():
                self._started = event
                said = start_metadata(event)
                page = page_metadata(event.created_at, event.model, Usage())
                return sse_json(type="start", messageId=said["messageId"], **self._metadata({**said, **page}))
            case RoundStarted():
                return sse_json(type="start-step")
            case RoundFinished():
                return sse_json(type="finish-step")
            case TextStarted(part):
                self._delta = _delta("text", f"t{part}")
                return sse_json(type="text-start", id=f"t{part}")
            case TextEnded(part):
                return sse_json(type="text-end", id=f"t{part}")
            case ReasoningStarted(part):
                self._delta = _delta("reasoning", f"r{part}")
                return sse_json(type="reasoning-start", id=f"r{part}")
            case ReasoningEnded(part):
                return sse_json(type="reasoning-end", id=f"r{part}")
            case ToolCalled(name=name) | ToolReturned(name=name) if self._told is not None and name not in self._told:
                return b""
            case ToolCalled(call_id, name, args):
                return sse_json(**_called(call_id, name, args))
            case ToolReturned(call_id, _, result, is_error):
                if is_error:
                    return sse_json(type="tool-output-error", toolCallId=call_id, errorText=str(result))
                return sse_json(type="tool-output-available", toolCallId=call_id, output=result)
            case SourceFound(source, title, url):
                return self._source(SourcePart(source, title, url))
            case TurnFinished():
                return self._finish(event)
            case TurnFailed(error):
                return sse_json(type="error", errorText=error.message) + _DONE
        return b""

    def _source(self, found: SourcePart) -> bytes:
        """Each document once an answer."""
        if found.document in self._documents:
            return b""
        self._documents.add(found.document)
        return sse_json(**source_part(found, len(self._documents)))

    def _finish(self, finished: TurnFinished) -> bytes:
        said = finish_metadata(self._started, finished)
        page = page_metadata(self._started.created_at, finished.model, finished.usage)
        return sse_json(type="finish", finishReason=finished.finish_reason, **self._metadata({**said, **page})) + _DONE

    def _metadata(self, said: Mapping[str, Any]) -> dict[str, Any]:
        return {"messageMetadata": said, **({"metadata": said} if self._documented else {})}


class LinesEncoder:
    """Implements `Encoder`: one JSON object a line, of the three kinds that the document names, failures, and calls of
    the tools that the caller runs, which are `told`."""

    content_type = "application/x-ndjson"

    def __init__(self, told: Collection[str] = ()) -> None:
        self._told = told
        self._started = TurnStarted("", "", "")

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return NDJSON_KEEP_ALIVE
        return b"".join([self._line(event) for event in batch])

    def _line(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):
                return b'{"type":"text-delta","delta":' + json_text(text) + b"}\n"
            case TurnStarted():
                self._started = event
                said = start_metadata(event)
                return _json({"type": "start", "messageId": said["messageId"], "metadata": said})
            case ToolCalled(call_id, name, args) if name in self._told:
                return _json(_called(call_id, name, args))
            case TurnFinished():
                said = finish_metadata(self._started, event)
                return _json({"type": "finish", "finishReason": event.finish_reason, "metadata": said})
            case TurnFailed(error):
                return _json({"type": "error", "errorText": error.message})
        return b""


def _delta(kind: str, part: str) -> bytes:
    """What stands in front of a delta's text: the same for each token of a part."""
    return f'data: {{"type":"{kind}-delta","id":"{part}","delta":'.encode()


def _called(call_id: str, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "tool-input-available", "toolCallId": call_id, "toolName": name, "input": dict(args)}


def _json(fields: Mapping[str, Any]) -> bytes:
    return json_bytes(fields) + b"\n"
