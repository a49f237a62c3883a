"""Any server with OpenAI's chat-completions API: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many more.

Sources: OpenAI's API reference, "Chat" and "Streaming"; `reasoning_content` is DeepSeek's and vLLM's name for what
others call `reasoning`.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from marshmallow import fields, validate

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta
from app.engine.messages import FinishReason, Message, Part, TextPart, ToolCallPart, ToolResultPart, Usage
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.apis.http_stream import ChunkStream, Decoder, count_of, text_of, text_of_parts
from app.providers.apis.options import HttpModelOptions, api_key, printable, upstream
from app.providers.apis.repetition import Repetition
from app.providers.apis.tool_calls import ToolCalls, accepted_id
from app.providers.transport.redaction import redacted
from app.providers.transport.statuses import PROBLEMS

log = logging.getLogger(__name__)

_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
}
_CALL_ID = re.compile(r".{1,40}", re.DOTALL)


class OpenAIOptions(HttpModelOptions):
    organization = fields.String(validate=printable, metadata={"description": "Sent as `OpenAI-Organization`"})
    stream = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata={
            "description": "`false` asks for the answer in one piece, for a server that cannot stream; "
            "`timeouts.first_token` must then suffice for the whole answer"
        },
    )
    stream_usage = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata={
            "description": "Ask for token counts (`stream_options`); `false` for a server that refuses the field"
        },
    )
    max_tokens_field = fields.String(
        load_default="max_tokens",
        validate=validate.OneOf(["max_tokens", "max_completion_tokens"]),
        metadata={"description": "Field that carries `max_tokens`; OpenAI's newer models want the second"},
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
        response = self._upstream.post("/chat/completions", orjson.dumps(self._payload(prompt)))
        if response.status != 200:
            raise response.refusal()
        return ChunkStream(response, OpenAIDecoder(), heartbeat)

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
    """Many models' templates want user and assistant in turn: neighbouring questions, as one that failed leaves them,
    become one message."""
    for role, neighbours in groupby(messages, attrgetter("role")):
        if role == "assistant":
            for message in neighbours:
                yield from _assistant(message.parts)
        else:
            yield {"role": role, "content": "\n\n".join(message.text for message in neighbours)}


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
                said.setdefault("tool_calls", []).append(
                    {"id": accepted_id(call_id, _CALL_ID), "type": "function", "function": function}
                )
            case ToolResultPart(call_id, _, result, _):
                content = result if isinstance(result, str) else orjson.dumps(result).decode()
                results.append({"role": "tool", "tool_call_id": accepted_id(call_id, _CALL_ID), "content": content})
    yield said
    yield from results


class OpenAIDecoder(Decoder):
    """Reads the stream's events, or the whole answer of a server that does not stream."""

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._reason: FinishReason | None = None
        self._usage = Usage()
        self._repetition = Repetition()
        self._begun = self._early = self.finished = self.done = False

    def event(self, data: bytes) -> list[Chunk] | None:
        text = self._repetition.text(data)
        if text:
            return [TextDelta(text)]
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
        chunks = self._choice(choice, delta, event)
        nothing_else = not (choice.get("finish_reason") or delta.get("tool_calls") or event.get("usage"))
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
        return self._choice(choice, choice["message"], event)

    def finish(self) -> list[Chunk]:
        if not (self._begun and (self.done or self._reason)):
            raise ModelError(Problem.UPSTREAM_FAILED)  # cut, however cleanly the connection closed, or not one choice
        calls = self._calls.finish()
        reason = "tool-calls" if calls else self._reason or "other"
        return [*calls, ModelFinished(reason, self._usage)]

    def _choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any], event: Mapping[str, Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            chunks.append(ReasoningDelta(text_of(reasoning)))
        text = delta.get("content")
        if text and type(text) is not str:
            text = text_of_parts(text)
        if text:
            chunks.append(TextDelta(text))
        refusal = delta.get("refusal")
        if refusal:
            chunks.append(TextDelta(text_of(refusal)))
        if "tool_calls" in delta:
            for piece in filter(None, delta["tool_calls"] or ()):
                self._piece(piece)
        if chunks and self.finished:  # some gateways write a reason beside every token
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
        """Of a call. Some servers number every call 0, others none; some say id and name once, others in each piece.

        So another id is another call, and a name without number and id is a call that comes whole.
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
        arguments = function.get("arguments") or ""
        call.arguments.append(arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode())

    def _note(self, event: Mapping[str, Any]) -> None:
        usage = event.get("usage")
        if usage:
            self._usage = Usage(count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens")))
        if event.get("error"):
            raise _failure(event["error"])


def _failure(said: Any) -> ModelError:
    """Its code is a status, if anything: LiteLLM and OpenRouter pass on what they were answered themselves."""
    log.warning("model server reports in mid-stream: %.2000s", redacted(said))
    code = str(said.get("code")) if isinstance(said, Mapping) else ""
    return ModelError(next((PROBLEMS[status] for status in PROBLEMS if code == str(status)), Problem.UPSTREAM_FAILED))


def _is_bare_error(event: Mapping[str, Any]) -> bool:
    """Some servers, vLLM among them, report a failure without an `error` around it."""
    return event.get("object") == "error" or (
        not {"choices", "usage"} & event.keys() and bool({"message", "code", "detail"} & event.keys())
    )
