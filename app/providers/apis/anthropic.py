"""Anthropic's Messages API. Source: its API reference, "Messages" and "Streaming messages"."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from marshmallow import fields, validate

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta
from app.engine.messages import FinishReason, Message, TextPart, ToolCallPart, ToolResultPart, Usage
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.apis.http_stream import ChunkStream, Decoder, count_of, text_of
from app.providers.apis.options import HttpModelOptions, api_key, check_url, upstream
from app.providers.apis.tool_calls import ToolCalls, accepted_id
from app.providers.transport.redaction import redacted

log = logging.getLogger(__name__)

_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool-calls",
    "refusal": "content-filter",
}
_PROBLEMS = {
    "overloaded_error": Problem.OVERLOADED,
    "rate_limit_error": Problem.OVERLOADED,
    "timeout_error": Problem.UPSTREAM_TIMEOUT,
}
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AnthropicOptions(HttpModelOptions):
    base_url = fields.String(
        load_default="https://api.anthropic.com/v1",
        validate=check_url,
        metadata={"description": "Address of the API; without query, user or password"},
    )
    max_tokens = fields.Integer(
        load_default=4096,
        strict=True,
        validate=validate.Range(1),
        metadata={
            "description": "The most that one answer may have, which this API must be told; agents and callers may ask "
            "for less",
            "unit": "tokens",
        },
    )
    thinking_tokens = fields.Integer(
        strict=True,
        validate=validate.Range(1024),
        metadata={
            "description": "Turns thinking on with this budget, left off where an answer may not have more tokens",
            "unit": "tokens",
        },
    )


class AnthropicModel:
    """Implements the engine's `Model` port."""

    def __init__(self, options: dict[str, Any]) -> None:
        headers = {"Accept": "text/event-stream", "anthropic-version": "2023-06-01"}
        key = api_key(options)
        if key:
            headers["x-api-key"] = key
        self._upstream = upstream(options, headers)
        self._options = options

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """Raises ModelError where the server refuses or cannot be reached."""
        response = self._upstream.post("/messages", orjson.dumps(self._payload(prompt)))
        if response.status != 200:
            raise response.refusal()
        return ChunkStream(response, AnthropicDecoder(), heartbeat)

    def _payload(self, prompt: Prompt) -> dict[str, Any]:
        options, asked = self._options, prompt.options
        payload: dict[str, Any] = {
            "model": options["model"],
            "max_tokens": min(asked.max_tokens or options["max_tokens"], options["max_tokens"]),
            "messages": _messages(prompt.messages),
            "stream": True,
        }
        system = "\n\n".join(message.text for message in prompt.messages if message.role == "system")
        if system:
            payload["system"] = system
        if "stop" in options:
            payload["stop_sequences"] = options["stop"]
        thinking = options.get("thinking_tokens", 0)
        if 0 < thinking < payload["max_tokens"] and prompt.messages[-1].role == "user":
            # Not while tool results are handed back: the API would want its signed thoughts again, which are not kept.
            payload["thinking"] = {"type": "enabled", "budget_tokens": thinking}
        else:  # thinking goes with neither
            for name in ("temperature", "top_p"):
                value = getattr(asked, name)
                if value is not None or name in options:
                    payload[name] = min(options[name] if value is None else value, 1)  # the API's range ends at 1
        if prompt.tools:
            payload["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in prompt.tools
            ]
        return payload


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """User and assistant in turn, as the API wants them: neighbours of one role become one message."""
    merged: list[dict[str, Any]] = []
    for role, block in _blocks(messages):
        if not merged or merged[-1]["role"] != role:
            merged.append({"role": role, "content": []})
        merged[-1]["content"].append(block)
    return merged


def _blocks(messages: Sequence[Message]) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in messages:
        if message.role == "system":
            continue
        for part in message.parts:
            match part:
                case TextPart(text) if text.strip():  # the API refuses blank text
                    yield message.role, {"type": "text", "text": text}
                case ToolCallPart(call_id, name, args):
                    yield (
                        message.role,
                        {
                            "type": "tool_use",
                            "id": accepted_id(call_id, _CALL_ID),
                            "name": name,
                            "input": dict(args),
                        },
                    )
                case ToolResultPart(call_id, _, result, is_error):
                    content = result if isinstance(result, str) else orjson.dumps(result).decode()
                    tool_use_id = accepted_id(call_id, _CALL_ID)
                    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content}
                    yield "user", block | ({"is_error": True} if is_error else {})


class AnthropicDecoder(Decoder):
    """Content blocks are numbered; text and thinking come in deltas, a tool's input as pieces of JSON."""

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._others: set[int] = set()  # blocks that are no part of the answer, such as a search by the server itself
        self._reason: FinishReason = "other"
        self._usage = Usage()
        self.finished = self.done = False

    def event(self, data: bytes) -> list[Chunk] | None:
        event = orjson.loads(data)
        match event["type"]:
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "content_block_start":
                return self._block(event["index"], event["content_block"])
            case "message_start":
                self._usage += _usage(event["message"].get("usage") or {})
            case "message_delta":
                self._ends(event["delta"])
                usage = _usage(event.get("usage") or {})  # in all; some gateways do not know the prompt's any earlier
                prompt_tokens = max(self._usage.prompt_tokens, usage.prompt_tokens)
                self._usage = Usage(prompt_tokens, usage.completion_tokens)
            case "ping":
                return None
            case "message_stop":
                self.done = True
            case "error":
                raise _failure(event)
        return []

    def whole(self, data: bytes) -> list[Chunk]:
        message = orjson.loads(data)
        if message["type"] == "error":
            raise _failure(message)
        chunks = [chunk for index, block in enumerate(message["content"]) for chunk in self._block(index, block)]
        self._ends(message)
        self._usage = _usage(message.get("usage") or {})
        return chunks

    def finish(self) -> list[Chunk]:
        if not (self.finished or self.done):
            raise ModelError(Problem.UPSTREAM_FAILED)
        calls = self._calls.finish()
        return [*calls, ModelFinished("tool-calls" if calls else self._reason, self._usage)]

    def _ends(self, message: Mapping[str, Any]) -> None:
        """With the message's reason to stop, which a stream says in front of its end."""
        reason = message.get("stop_reason")
        if reason:
            self._reason = _REASONS.get(reason, "other")
            self.finished = True

    def _block(self, index: int, block: Mapping[str, Any]) -> list[Chunk]:
        """A content block: whole, or empty at its start in a stream."""
        match block:
            case {"type": "text", "text": text} if text:
                return [TextDelta(text_of(text))]
            case {"type": "thinking", "thinking": text} if text:
                return [ReasoningDelta(text_of(text))]
            case {"type": "tool_use"}:
                call = self._calls.start(index, text_of(block["id"]), text_of(block["name"]))
                if block.get("input"):
                    call.arguments.append(orjson.dumps(block["input"]).decode())
            case _:
                self._others.add(index)
        return []

    def _delta(self, index: int, delta: Mapping[str, Any]) -> list[Chunk]:
        match delta:
            case {"type": "text_delta", "text": text}:
                return [TextDelta(text_of(text))]
            case {"type": "thinking_delta", "thinking": text}:
                return [ReasoningDelta(text_of(text))]
            case {"type": "input_json_delta", "partial_json": piece}:
                call = self._calls.get(index)
                if call:
                    call.arguments.append(text_of(piece))
                elif index not in self._others:
                    raise LookupError("a piece of no call")
        return []


def _failure(event: Mapping[str, Any]) -> ModelError:
    error = event.get("error") or {}
    log.warning("model server reports in mid-stream: %.2000s", redacted(error))
    return ModelError(_PROBLEMS.get(str(error.get("type")), Problem.UPSTREAM_FAILED))


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Cached input is input too."""
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Usage(sum(count_of(usage.get(name)) for name in names), count_of(usage.get("output_tokens")))
