"""Reads the responses of servers with OpenAI's chat-completions API.

Sources: OpenAI's API reference, "Streaming"; `reasoning_content` is DeepSeek's and vLLM's name for what others call
`reasoning`.
"""

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta
from app.engine.messages import FinishReason, Usage
from app.providers.apis.call_pieces import CallPieces
from app.providers.apis.decoder import (
    Decoder,
    count_of,
    error_in,
    json_in,
    mapping_of,
    part_of_answer,
    text_of,
    text_of_parts,
    thought_in,
)
from app.providers.apis.openai_metadata import ResponseMetadata, words_of
from app.providers.apis.reasons import finish_reason, reason_in
from app.providers.apis.repetition import Repetition
from app.providers.transport.redaction import redacted
from app.providers.transport.statuses import MOST_ERROR_BYTES, reported

_FIELDS: Mapping[type, frozenset[str]] = {  # of a message
    TextDelta: frozenset({"content", "refusal"}),
    ReasoningDelta: frozenset({"reasoning_content", "reasoning"}),
}
_CALLS = frozenset({"tool_calls", "function_call"})


class OpenAIDecoder(Decoder):
    """Decodes the events of a stream, or the whole response of a server that does not stream.

    `tools` are the names of those that the model may call. Where `reasons` is False the server tells no finish reason,
    and [DONE] alone ends an answer well.
    """

    def __init__(self, tools: Collection[str] = (), *, reasons: bool = True) -> None:
        self._reason: FinishReason | None = None
        self._needs_reason = reasons
        self._failure: ModelError | None = None
        self._usage = Usage()
        self._repetition = Repetition()
        self._metadata = ResponseMetadata()
        self._calls = CallPieces(tools, self._metadata.note_call)
        self._told: set[type] = set()  # the kinds of chunks that deltas have told
        self._message = ""  # the text that came as messages
        self._begun = self._early = self.finished = self.done = False

    def event(self, data: bytes) -> list[Chunk] | None:
        text = self._repetition.text(data)
        if text:
            said = TextDelta(text)
            return [*self._metadata.speak(), said] if self._metadata.thinking else [said]
        if data.startswith(b"[DONE]"):
            self.done = True
            return None
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = error_in(data)
        choices = event.get("choices")
        if not choices:
            self._check(event)
            self._note(event)
            return None
        choice = choices[0]
        delta = choice.get("delta") or {}
        text = delta.get("content")
        if len(delta) == 1 and text and type(text) is str and self._is_plain(choice, event):
            self._repetition.learn(data, event, text)
            return [TextDelta(text)]
        opaque = self._metadata.note(delta)
        chunks = self._choice(choice, delta, event)
        beside = opaque or delta.get("tool_calls") or delta.get("function_call")
        nothing_else = delta and not (beside or choice.get("finish_reason") or event.get("usage"))
        if nothing_else and len(chunks) == 1 and type(chunks[0]) is TextDelta:
            self._repetition.learn(data, event, chunks[0].text)
        return chunks or part_of_answer([choice.get("finish_reason"), delta])

    def text_in_chunk(self, data: bytes) -> str | None:
        return None if self.finished or self._metadata.thinking else self._repetition.text_in_chunk(data)

    def _is_plain(self, choice: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
        """Whether a delta that is nothing but text needs no further look, nor does what stands beside it: most of those
        that do not repeat each other are so."""
        beside = choice.get("finish_reason") or choice.get("error") or event.get("error") or event.get("usage")
        return not (beside or self.finished or self._metadata.thinking) and TextDelta in self._told

    def whole(self, data: bytes) -> list[Chunk]:
        event = json_in(data)
        if not event.get("choices"):
            self._check(event)
        choice = event["choices"][0]
        self.done, self._needs_reason = True, False
        return self._choice({"message": choice.get("delta"), **choice}, {}, event)

    def finish(self) -> list[Chunk]:
        """Without a finish reason the answer was cut off, however cleanly the server ended it."""
        if self._failure:
            raise self._failure
        if not (self._begun and (self._reason or (self.done and not self._needs_reason))):
            raise ModelError(Problem.UPSTREAM_FAILED, reason="ended without a finish reason")
        calls = self._calls.finish(self._metadata.of_call)
        reason = self._reason if self._reason and self._reason != "tool-calls" else "other"
        left = self._metadata.finish(calls=bool(calls))
        return [*left, *calls, ModelFinished("tool-calls" if calls else reason, self._usage)]

    def _choice(self, choice: Mapping[str, Any], delta: Mapping[str, Any], event: Mapping[str, Any]) -> list[Chunk]:
        chunks = self._said(delta)
        if chunks:
            self._told.update(map(type, chunks))
        elif "message" in choice or "text" in choice:
            chunks = self._said(self._rest_of_message(choice))
        if chunks and self.finished:  # some gateways send a finish reason with every token
            self._early, self.finished = True, False
        if choice.get("finish_reason") or "error" in choice or "error" in delta or "error" in event:
            self._ends(choice, delta, event)
        if "usage" in event:
            self._note(event)
        self._begun = True
        return chunks

    def _said(self, message: Mapping[str, Any]) -> list[Chunk]:
        """What a delta says, or a message."""
        chunks: list[Chunk] = []
        details = message.get("reasoning_details")
        reasoning = message.get("reasoning_content") or message.get("reasoning") or words_of(details)
        text = message.get("content")
        if text and type(text) is not str:  # Mistral's reasoning models write their thoughts there, too
            reasoning = reasoning or "".join(thought_in(part.get("thinking")) for part in text)
            text = text_of_parts(text)
        if reasoning and type(reasoning) is not str:
            reasoning = thought_in(reasoning)
        if reasoning:
            chunks.append(ReasoningDelta(reasoning))
            self._metadata.think()
        if text:
            chunks += [*self._metadata.speak(), TextDelta(text)]
        refusal = message.get("refusal")
        if refusal:
            chunks += [*self._metadata.speak(), TextDelta(text_of(refusal))]
        if "tool_calls" in message:
            self._calls.add(message["tool_calls"])
        if message.get("function_call") and not message.get("tool_calls"):  # the old form, for one call
            self._calls.add({"index": 0, "function": message["function_call"]})
        return chunks

    def _rest_of_message(self, choice: Mapping[str, Any]) -> Mapping[str, Any]:
        """What has not been told yet of a message in the place of a delta, or of the text of the old completions API:
        some servers repeat all of an answer in the last event (MiniMax), others put each piece there.
        """
        message = choice.get("message") or {"content": choice.get("text")}
        told = set().union(*(_FIELDS.get(kind, ()) for kind in self._told), _CALLS if len(self._calls) else ())
        rest = {name: value for name, value in message.items() if name not in told}
        text = rest.get("content")
        if text and type(text) is str:
            rest["content"] = text.removeprefix(self._message)
            self._message = text if text.startswith(self._message) else self._message + text
        self._metadata.note(rest, whole=True)
        if ReasoningDelta in self._told:
            rest.pop("reasoning_details", None)  # whose words have been told
        return rest

    def _ends(self, choice: Mapping[str, Any], delta: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Take the reason for which the answer ends, if it does. One that broke off has failed once all is said."""
        error = choice.get("error") or delta.get("error") or event.get("error")
        word = reason_in(choice.get("finish_reason"))
        if not (error or word):
            return
        reason = None if error else finish_reason(word)
        if reason is None:
            self._failure, self.done = _failure(error or word), True
            return
        self._reason = reason
        self.finished = reason != "other" and not self._early
        # Moonshot counts in the last choice, Groq in a field of its own, where `stream_options` asks for nothing.
        self._note({"usage": choice.get("usage") or mapping_of(event.get("x_groq")).get("usage")})

    def _note(self, event: Mapping[str, Any]) -> None:
        usage = mapping_of(event.get("usage"))
        if usage:
            self._usage = Usage(count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens")))

    @staticmethod
    def _check(event: Mapping[str, Any]) -> None:
        """Raises ModelError where an event without choices is an error, whatever it calls itself."""
        error = next((event[name] for name in event if "error" in name.lower() and event[name]), None)
        if error or _is_bare_error(event):
            raise _failure(error if isinstance(error, Mapping) else event)


def _failure(error: Any) -> ModelError:
    """An error in mid-stream. Its code is a status, if anything: LiteLLM and OpenRouter pass on what they received."""
    said = redacted(error)[:MOST_ERROR_BYTES]
    told = mapping_of(error)
    return reported(told.get("code") or told.get("status") or told.get("error_code"), said)


def _is_bare_error(event: Mapping[str, Any]) -> bool:
    """Whether this is an error without an `error` around it, as some servers send it: vLLM, MiniMax (`base_resp`),
    gateways."""
    return (
        "error" in (event.get("object"), event.get("type"), event.get("status"))
        or event.get("success") is False
        or bool(mapping_of(event.get("base_resp")).get("status_code"))
        or (not {"choices", "usage"} & event.keys() and bool({"message", "msg", "code", "detail"} & event.keys()))
    )
