"""Any server with OpenAI's chat-completions API: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many more.

Source: OpenAI's API reference, "Chat" and "Streaming".
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import fields, validate

from app.engine.agent import AnswerFormat
from app.engine.chunks import Chunk
from app.engine.needs import Need
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.apis.http_stream import last_refusal, open_stream
from app.providers.apis.known_models import Traits, traits_of
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.providers.apis.openai_messages import conversation_fields
from app.providers.apis.options import HttpModelOptions, api_key, printable, upstream
from app.providers.apis.sampling import sampling_fields, seed_of, unheeded_sampling
from app.providers.apis.think_tags import TaggedDecoder, ThinkTagsField

USUAL = Traits()
MOST_REFUSALS = 3  # of one request: of its options, the name of its limit, and the field for counts
TAKES: frozenset[Need] = frozenset({"images", "stop", "schema", "json", "calls"})
OTHER_FIELD = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


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
    finish_reasons = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata={
            "description": "`false` for a server that tells no `finish_reason`: its answers then end with `[DONE]`. "
            "Otherwise an answer without one was cut off"
        },
    )
    think_tags = ThinkTagsField(
        load_default=False,
        metadata={
            "description": 'Read `<think>…</think>` at the start of an answer as reasoning; `"opened"` where the chat '
            "template has written the opening tag, as DeepSeek R1's and some of Qwen's do",
            "type": '`true`, `"opened"`, `false`',
        },
    )
    max_tokens_field = fields.String(
        validate=validate.OneOf(["max_tokens", "max_completion_tokens"]),
        metadata={
            "description": "Field that carries `max_tokens`; OpenAI's newer models want the second",
            "default": "what is known of the model, else `max_tokens`",
        },
    )
    seed_field = fields.String(
        validate=validate.OneOf(["seed", "random_seed"]),
        metadata={
            "description": "Field that carries `seed`; Mistral's API wants the second",
            "default": "what is known of the server, else `seed`",
        },
    )
    refuses = fields.List(
        fields.String(validate=validate.OneOf(["seed", "stop"])),
        metadata={
            "description": "Options that the model's server refuses, and that are not sent",
            "default": "what is known of the model, else `[]`",
        },
    )
    reasoning_effort = fields.String(
        validate=validate.OneOf(["none", "minimal", "low", "medium", "high", "xhigh"]),
        metadata={
            "description": "How much the model reasons, where its server knows the field",
            "default": "the server's",
        },
    )


def unheeded(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Options that are not sent as they are configured, each with what becomes of it."""
    traits = traits_of(options, USUAL)
    yield from unheeded_sampling(options, traits)
    for name in traits.refuses:
        if name in options:
            yield name, "is not sent: the model refuses it"


def request_headers(options: Mapping[str, Any]) -> dict[str, str]:
    """Who asks: the key, and the organization that it is for, where there are any."""
    headers, key = {}, api_key({**options})
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if "organization" in options:
        headers["OpenAI-Organization"] = options["organization"]
    return headers


class OpenAIModel:
    """Implements the engine's `Model` port."""

    def __init__(self, options: dict[str, Any]) -> None:
        accepted = {"Accept": "text/event-stream, application/json"}
        self._upstream = upstream(options, {**accepted, **request_headers(options)})
        self._options = options
        self._traits = traits_of(options, USUAL)
        unable = {"stop"} & {*self._traits.refuses} | (set() if options["images"] else {"images"})
        self.takes = frozenset(TAKES - unable)

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """See the port."""
        decoder = self._decoder({tool.name for tool in prompt.tools})
        return open_stream(self._upstream, "/chat/completions", prompt, self._payloads(prompt), decoder, heartbeat)

    def _decoder(self, tools: Collection[str]) -> OpenAIDecoder:
        reasons, tags = self._options["finish_reasons"], self._options["think_tags"]
        if tags:
            return TaggedDecoder(tools, reasons=reasons, opened=tags == "opened")
        return OpenAIDecoder(tools, reasons=reasons)

    def _payload(self, prompt: Prompt) -> dict[str, Any]:
        limit = self._limit_field(prompt, self._traits.max_tokens_field)
        return self._bare(prompt) | self._counts() | self._sampling(prompt) | limit

    def _payloads(self, prompt: Prompt) -> Iterator[dict[str, Any]]:
        """What is asked; and where that is refused, the same without options: no model needs one. A server tells one
        thing at a time, so what its next words name is taken away after that."""
        yield self._payload(prompt)
        counts, usual = self._counts(), self._traits.max_tokens_field
        field = usual
        for _ in range(MOST_REFUSALS):
            said = last_refusal(prompt)
            if "max_completion_tokens" in said and "too large" not in said:
                field = OTHER_FIELD[usual]
            elif "token" in said and not prompt.agent.max_tokens:  # more than it can have: it is the caller's number
                prompt = replace(prompt, options=replace(prompt.options, max_tokens=None))
            if "stream_options" in said:
                counts = {}
            yield self._bare(prompt) | counts | self._limit_field(prompt, field)

    def _bare(self, prompt: Prompt) -> dict[str, Any]:
        return {
            "model": self._options["model"],
            "stream": self._options["stream"],
            **conversation_fields(prompt, images=self._options["images"]),
            **({"response_format": _response_format(prompt.options.format)} if prompt.options.format else {}),
            **({"stop": self._stop(prompt)} if prompt.options.stop else {}),
        }

    def _stop(self, prompt: Prompt) -> list[str]:
        """The configured texts, which the model's template may need, and the caller's: no model may end without these,
        so they are asked for in any case."""
        return [*dict.fromkeys([*self._options.get("stop", ()), *prompt.options.stop])]

    def _counts(self) -> dict[str, Any]:
        wanted = self._options["stream"] and self._options["stream_usage"]
        return {"stream_options": {"include_usage": True}} if wanted else {}

    def _limit_field(self, prompt: Prompt, field: str) -> dict[str, Any]:
        limits = [limit for limit in (prompt.options.max_tokens, self._options.get("max_tokens")) if limit]
        return {field: min(limits)} if limits else {}

    def _sampling(self, prompt: Prompt) -> dict[str, Any]:
        options, traits = self._options, self._traits
        fields = {
            **sampling_fields(prompt.options, options, traits),
            "reasoning_effort": prompt.options.effort or options.get("reasoning_effort"),
            traits.seed_field: None if "seed" in traits.refuses else seed_of(prompt.options, options),
            "stop": None if "stop" in traits.refuses else self._stop(prompt) or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


def _response_format(asked: AnswerFormat) -> dict[str, Any]:
    if asked.schema is None:
        return {"type": "json_object"}
    told = {"description": asked.description or None, "strict": asked.strict}
    more = {name: value for name, value in told.items() if value is not None}
    return {"type": "json_schema", "json_schema": {"name": asked.name, "schema": asked.schema, **more}}
