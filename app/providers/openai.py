"""Any server with OpenAI's chat-completions API: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many more.

Sources: OpenAI's API reference, "Chat" and "Streaming"; `reasoning_content` is DeepSeek's and vLLM's name for what
others call `reasoning`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from marshmallow import fields, validate

from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled
from app.engine.messages import FinishReason, Message, Part, TextPart, ToolCallPart, ToolResultPart, Usage
from app.engine.ports import Chunk, ModelFinished, Prompt, Stream
from app.providers.http_model import ChunkStream, Decoder
from app.providers.options import HttpModelOptions, api_key, upstream
from app.providers.tool_arguments import parsed_arguments

log = logging.getLogger(__name__)

_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
}


class Options(HttpModelOptions):
    organization = fields.String()
    stream = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    stream_usage = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    max_tokens_field = fields.String(
        load_default="max_tokens", validate=validate.OneOf(["max_tokens", "max_completion_tokens"])
    )


class OpenAIModel:
    """Implements the engine's `Model` port."""

    def __init__(self, options: dict[str, Any]) -> None:
        key, headers = api_key(options), {"Accept": "text/event-stream, application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if "organization" in options:
            headers["OpenAI-Organization"] = options["organization"]
        self._upstream = upstream(options, headers)
        self._options = options

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """Raises ModelError where the server refuses or cannot be reached."""
        reply = self._upstream.post("/chat/completions", orjson.dumps(self._payload(prompt)))
        if reply.status != 200:
            raise reply.refusal()
        return ChunkStream(reply, OpenAIDecoder(), heartbeat)

    def _payload(self, prompt: Prompt) -> dict[str, Any]:
        options, asked = self._options, prompt.options
        payload: dict[str, Any] = {
            "model": options["model"],
            "messages": list(_messages(prompt.messages)),
            "stream": options["stream"],
        }
        if options["stream"] and options["stream_usage"]:
            payload["stream_options"] = {"include_usage": True}
        for name in ("temperature", "top_p", "seed"):
            value = getattr(asked, name)
            if value is not None or name in options:
                payload[name] = options[name] if value is None else value
        limits = [limit for limit in (asked.max_tokens, options.get("max_tokens")) if limit]
        if limits:
            payload[options["max_tokens_field"]] = min(limits)
        if "stop" in options:
            payload["stop"] = options["stop"]
        if prompt.tools:
            payload["tools"] = [
                {
                    "type": "function",
                    "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
                }
                for tool in prompt.tools
            ]
        return payload


def _messages(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    for message in messages:
        if message.role == "assistant":
            yield from _assistant(message.parts)
        else:
            yield {"role": message.role, "content": message.text}


def _assistant(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """One message for each round: what was said and called, and behind it the results, as messages of their own."""
    said: dict[str, Any] = {"role": "assistant", "content": ""}
    results: list[dict[str, Any]] = []
    for part in parts:
        if results and not isinstance(part, ToolResultPart):
            yield said
            yield from results
            said, results = {"role": "assistant", "content": ""}, []
        match part:
            case TextPart(text):
                said["content"] += text
            case ToolCallPart(call_id, name, args):
                function = {"name": name, "arguments": orjson.dumps(dict(args)).decode()}
                said.setdefault("tool_calls", []).append({"id": call_id, "type": "function", "function": function})
            case ToolResultPart(call_id, _, result, _):
                content = result if isinstance(result, str) else orjson.dumps(result).decode()
                results.append({"role": "tool", "tool_call_id": call_id, "content": content})
    yield said
    yield from results


class OpenAIDecoder(Decoder):
    """Reads the stream's events, or the whole answer of a server that does not stream."""

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}  # index -> id, name, the arguments' JSON so far
        self._reason: FinishReason | None = None
        self._usage = Usage()
        self.done = False

    def event(self, data: bytes) -> list[Chunk] | None:
        if data == b"[DONE]":
            self.done = True
            return None
        event = orjson.loads(data)
        choices = event.get("choices")
        if choices:
            return self._choice(choices[0], choices[0].get("delta") or {}, event)
        self._note(event)
        return None

    def whole(self, data: bytes) -> list[Chunk]:
        event = orjson.loads(data)
        self._note(event)
        choice = event["choices"][0]
        self.done = True
        return self._choice(choice, choice["message"], event)

    def finish(self) -> list[Chunk]:
        if not self.done and self._reason is None:
            raise ModelError(Problem.UPSTREAM_FAILED)  # cut, however cleanly the connection closed
        calls: list[Chunk] = [
            ToolCalled(call_id or f"call_{index}", name, parsed_arguments(text))
            for index, (call_id, name, text) in sorted(self._calls.items())
        ]
        reason = "tool-calls" if calls else self._reason or "other"
        return [*calls, ModelFinished(reason, self._usage)]

    def _choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any], event: Mapping[str, Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            chunks.append(ReasoningDelta(reasoning))
        text = delta.get("content")
        if text:
            if type(text) is not str:
                raise TypeError("the text is none")
            chunks.append(TextDelta(text))
        if "tool_calls" in delta:
            self._pieces(delta["tool_calls"] or ())
        if choice.get("finish_reason"):
            self._reason = _REASONS.get(choice["finish_reason"], "other")
        if "usage" in event or "error" in event:
            self._note(event)
        return chunks

    def _pieces(self, pieces: Sequence[Mapping[str, Any]]) -> None:
        """Pieces of calls; a server that numbers none sends each call whole."""
        for piece in pieces:
            index = piece.get("index")
            call = self._calls.setdefault(len(self._calls) if index is None else index, ["", "", ""])
            function = piece.get("function") or {}
            call[0] = piece.get("id") or call[0]
            call[1] += function.get("name") or ""
            arguments = function.get("arguments") or ""
            call[2] += arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()

    def _note(self, event: Mapping[str, Any]) -> None:
        usage = event.get("usage")
        if usage:
            self._usage = Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
        if event.get("error"):
            log.warning("model server reports in mid-stream: %.2000s", event["error"])
            raise ModelError(Problem.UPSTREAM_FAILED)
