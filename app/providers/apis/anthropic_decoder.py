"""Reads the responses of Anthropic's Messages API. Source: its API reference, "Streaming messages"."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta
from app.engine.messages import FinishReason, Usage
from app.providers.apis.anthropic_thoughts import OpenThought
from app.providers.apis.decoder import (
    MOST_TOKENS,
    Decoder,
    count_of,
    error_in,
    json_in,
    mapping_of,
    part_of_answer,
    text_of,
)
from app.providers.apis.reasons import finish_reason, reason_in
from app.providers.apis.tool_calls import ToolCalls
from app.providers.transport.redaction import redacted
from app.providers.transport.statuses import MOST_ERROR_BYTES, reported

_STATUSES = {  # its reference, "Errors": the status of each type
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class AnthropicDecoder(Decoder):
    """Content blocks are numbered; text and thinking arrive in deltas, a tool's input as pieces of JSON."""

    def __init__(self, prefix: str = "") -> None:
        """`prefix` is the digest of the request (anthropic_thoughts.py)."""
        self._calls = ToolCalls()
        self._thought = OpenThought(prefix)
        self._others: set[int] = set()  # blocks that are not part of the answer, such as a search by the server itself
        self._reason: FinishReason | None = None
        self._failure: ModelError | None = None
        self._usage = Usage()
        self.finished = self.done = False

    def event(self, data: bytes) -> list[Chunk] | None:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = error_in(data)
        match event["type"]:
            case "content_block_delta":
                return self._delta(event["index"], event["delta"]) or part_of_answer(event["delta"])
            case "content_block_start":
                return self._block(event["index"], event["content_block"]) or part_of_answer(event["content_block"])
            case "content_block_stop":
                return list(self._thought.end()) or None
            case "message_start":
                self._usage = _usage(event["message"].get("usage"))
            case "message_delta":
                self._ends(event["delta"])
                usage = _usage(event.get("usage"))  # cumulative; some gateways know the prompt's only here
                prompt_tokens = max(self._usage.prompt_tokens, usage.prompt_tokens)
                self._usage = Usage(prompt_tokens, max(self._usage.completion_tokens, usage.completion_tokens))
                return part_of_answer(event["delta"].get("stop_reason"))
            case "message_stop":
                self.done = True
            case "error":
                raise _failure(event)
        return None

    def whole(self, data: bytes) -> list[Chunk]:
        message = json_in(data)
        if message["type"] == "error":
            raise _failure(message)
        chunks = [chunk for index, block in enumerate(message["content"]) for chunk in self._block(index, block)]
        chunks += self._thought.end()
        self._ends(message)
        self._usage = _usage(message.get("usage"))
        return chunks

    def finish(self) -> list[Chunk]:
        if self._failure:
            raise self._failure
        if not self._reason:
            raise ModelError(Problem.UPSTREAM_FAILED, reason="ended without a stop reason")
        calls = self._calls.finish()
        reason = "other" if self._reason == "tool-calls" else self._reason
        return [*self._thought.end(), *calls, ModelFinished("tool-calls" if calls else reason, self._usage)]

    def _ends(self, message: Mapping[str, Any]) -> None:
        """Take the message's reason to stop, if it has one; a stream sends it before its end."""
        word = reason_in(message.get("stop_reason"))
        if word:
            self._reason = finish_reason(word)
            self.finished = self._reason is not None
            if not self.finished:
                self._failure, self.done = _failure({"error": word}), True

    def _block(self, index: int, block: Mapping[str, Any]) -> list[Chunk]:
        """A content block: whole, or empty at its start in a stream. The thought before it has ended."""
        chunks: list[Chunk] = [*self._thought.end()]
        match block:
            case {"type": "text", "text": text} if text:
                chunks.append(TextDelta(text_of(text)))
            case {"type": "thinking" | "redacted_thinking"}:
                self._thought.start(block)
                if block.get("thinking"):
                    chunks.append(ReasoningDelta(text_of(block["thinking"])))
            case {"type": "tool_use"}:
                call = self._calls.start(index, text_of(block["id"]), text_of(block["name"]))
                if block.get("input"):
                    self._calls.add(call, orjson.dumps(block["input"]).decode())
            case _:
                self._others.add(index)
        return chunks

    def _delta(self, index: int, delta: Mapping[str, Any]) -> list[Chunk]:
        match delta:
            case {"type": "text_delta", "text": text} if text:
                said = TextDelta(text_of(text))
                return [*self._thought.end(), said] if self._thought.block else [said]
            case {"type": "thinking_delta", "thinking": text} if text:
                self._thought.go_on()
                return [ReasoningDelta(text_of(text))]
            case {"type": "signature_delta", "signature": signature}:
                self._thought.sign(text_of(signature))
            case {"type": "input_json_delta", "partial_json": piece}:
                call = self._calls.numbered(index)
                if call:
                    self._calls.add(call, text_of(piece))
                elif index not in self._others:
                    raise LookupError("input of no tool call")
        return []


def _failure(event: Mapping[str, Any]) -> ModelError:
    error = event.get("error") or {}
    said = redacted(error)[:MOST_ERROR_BYTES]
    return reported(_STATUSES.get(str(mapping_of(error).get("type"))), said)


def _usage(usage: Any) -> Usage:
    """Tokens of the prompt, those that were read from a cache or written to it included, and of the answer."""
    names, counts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"), mapping_of(usage)
    prompt_tokens = sum(count_of(counts.get(name)) for name in names)
    return Usage(min(prompt_tokens, MOST_TOKENS), count_of(counts.get("output_tokens")))
