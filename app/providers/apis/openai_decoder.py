"""Reads the responses of servers with OpenAI's chat-completions API.

Sources: OpenAI's API reference, "Streaming"; `reasoning_content` is DeepSeek's and vLLM's name for what others call
`reasoning`.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta
from app.engine.messages import FinishReason, Usage
from app.providers.apis.decoder import Decoder, count_of, text_of, text_of_parts
from app.providers.apis.openai_metadata import ResponseMetadata, words_of
from app.providers.apis.repetition import Repetition
from app.providers.apis.tool_calls import ToolCalls
from app.providers.transport.redaction import redacted
from app.providers.transport.statuses import MOST_ERROR_BYTES, reported

_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
}


class OpenAIDecoder(Decoder):
    """Decodes the events of a stream, or the whole response of a server that does not stream."""

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._reason: FinishReason | None = None
        self._usage = Usage()
        self._repetition = Repetition()
        self._metadata = ResponseMetadata()
        self._begun = self._early = self.finished = self.done = False

    def event(self, data: bytes) -> list[Chunk] | None:
        text = self._repetition.text(data)
        if text:
            said = TextDelta(text)
            return [*self._metadata.speak(), said] if self._metadata.thinking else [said]
        if data.startswith(b"[DONE]"):
            self.done = True
            return None
        event = orjson.loads(data)
        choices = event.get("choices")
        if not choices:
            if _is_bare_error(event):
                raise _failure(event)
            self._note(event)
            return None
        choice = choices[0]
        delta = choice.get("delta") or {}
        opaque = self._metadata.note(delta)
        chunks = self._choice(choice, delta, event)
        nothing_else = not (opaque or choice.get("finish_reason") or delta.get("tool_calls") or event.get("usage"))
        if nothing_else and len(chunks) == 1 and type(chunks[0]) is TextDelta:
            self._repetition.learn(data, event, chunks[0].text)
        return chunks

    def whole(self, data: bytes) -> list[Chunk]:
        event = orjson.loads(data)
        if _is_bare_error(event):
            raise _failure(event)
        self._note(event)
        choice = event["choices"][0]
        self.done = True
        self._metadata.note(choice["message"], whole=True)
        return self._choice(choice, choice["message"], event)

    def finish(self) -> list[Chunk]:
        if not (self._begun and (self.done or self._reason)):
            raise ModelError(
                Problem.UPSTREAM_FAILED
            )  # cut off, however cleanly the connection closed, or without any choice
        calls = self._calls.finish(self._metadata.of_call)
        reason = "tool-calls" if calls else self._reason or "other"
        return [*self._metadata.finish(calls=bool(calls)), *calls, ModelFinished(reason, self._usage)]

    def _choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any], event: Mapping[str, Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        reasoning = delta.get("reasoning_content") or delta.get("reasoning") or words_of(delta.get("reasoning_details"))
        if reasoning:
            chunks.append(ReasoningDelta(text_of(reasoning)))
            self._metadata.think()
        text = delta.get("content")
        if text and type(text) is not str:
            text = text_of_parts(text)
        if text:
            chunks += [*self._metadata.speak(), TextDelta(text)]
        refusal = delta.get("refusal")
        if refusal:
            chunks += [*self._metadata.speak(), TextDelta(text_of(refusal))]
        if "tool_calls" in delta:
            for piece in filter(None, delta["tool_calls"] or ()):
                self._piece(piece)
        if chunks and self.finished:  # some gateways send a finish reason with every token
            self._early, self.finished = True, False
        if choice.get("finish_reason") or choice.get("error"):
            self._ends(choice, event)
        if "usage" in event or "error" in event:
            self._note(event)
        self._begun = True
        return chunks

    def _ends(self, choice: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        reason, error = choice.get("finish_reason"), choice.get("error") or event.get("error")
        if reason == "error" or error:
            raise _failure(error)
        self._reason = _REASONS.get(reason or "", "other")
        self.finished = reason in _REASONS and not self._early

    def _piece(self, piece: Mapping[str, Any]) -> None:
        """Add a piece of a call. Some servers number every call 0, others none; some send id and name once, others with
        every piece. So another id is another call, and a name without number and id is a whole call.
        """
        function = piece.get("function") or {}
        number, call_id, name = piece.get("index"), text_of(piece.get("id") or ""), text_of(function.get("name") or "")
        if number is None and not call_id:
            call = None if name else self._calls.last
        else:
            call = self._calls.get(call_id if number is None else number)
        if call is None or (call_id and call.call_id and call_id != call.call_id):
            call = self._calls.start(call_id if number is None else number, call_id, name)
        elif name != call.name:
            call.name += name
        call.call_id = call.call_id or call_id
        self._metadata.note_call(call, piece)
        arguments = function.get("arguments") or ""
        self._calls.add(call, arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode())

    def _note(self, event: Mapping[str, Any]) -> None:
        usage = event.get("usage")
        if usage:
            self._usage = Usage(count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens")))
        if event.get("error"):
            raise _failure(event["error"])


def _failure(error: Any) -> ModelError:
    """An error in mid-stream. Its code is a status, if anything: LiteLLM and OpenRouter pass on what they received."""
    said = redacted(error)[:MOST_ERROR_BYTES]
    return reported(error.get("code") if isinstance(error, Mapping) else None, said)


def _is_bare_error(event: Mapping[str, Any]) -> bool:
    """Whether this is an error without an `error` around it, as some servers send it, vLLM among them."""
    return event.get("object") == "error" or (
        not {"choices", "usage"} & event.keys() and bool({"message", "code", "detail"} & event.keys())
    )
