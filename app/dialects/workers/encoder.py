"""A turn as Workers AI's server-sent events, and the [DONE] that ends them all."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from app.engine.events import Batch, TextDelta, ToolCalled, TurnFailed, TurnFinished
from app.engine.messages import Usage
from app.http.wire import SSE, SSE_KEEP_ALIVE, regex_string, sse

_DONE = sse(b"[DONE]")


class WorkersEncoder:
    """Implements `Encoder`."""

    content_type = SSE

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        if len(batch) == 1 and type(batch[0]) is TextDelta:  # nearly always
            return _token(batch[0].text)
        return b"".join(self._frames(batch))

    def _frames(self, batch: Batch) -> Iterator[bytes]:
        for event in batch:
            match event:
                case TextDelta(text):
                    yield _token(text)
                case ToolCalled(_, name, args):
                    yield sse(orjson.dumps({"tool_calls": [tool_call(name, args)]}))
                case TurnFinished(_, _, usage):
                    yield sse(orjson.dumps({"response": "", "usage": usage_body(usage)}))
                    yield _DONE
                case TurnFailed(error):
                    yield sse(orjson.dumps({"response": "", "error": error.message}))
                    yield _DONE


def _token(text: str) -> bytes:
    return b'data: {"response":' + regex_string(text) + b"}\n\n"


def tool_call(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "arguments": dict(args)}


def usage_body(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
