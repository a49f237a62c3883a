"""Anthropic's Messages API. Source: its API reference, "Messages", "Streaming messages" and "Count tokens in a
Message"."""

from collections.abc import Iterator, Mapping
from typing import Any

import gevent
import orjson
from marshmallow import fields, validate

from app.engine.agent import Effort
from app.engine.chunks import Chunk
from app.engine.errors import ModelError, Problem
from app.engine.needs import Need
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.apis.anthropic_decoder import AnthropicDecoder
from app.providers.apis.anthropic_messages import conversation_fields
from app.providers.apis.anthropic_thoughts import Prefix, may_think
from app.providers.apis.http_stream import last_refusal, open_stream
from app.providers.apis.known_models import Traits, traits_of
from app.providers.apis.options import HttpModelOptions, api_key, check_url, upstream
from app.providers.apis.sampling import sampling_fields, unheeded_sampling
from app.providers.apis.whole_reply import whole_reply

USUAL = Traits(max_temperature=1)
TAKES: frozenset[Need] = frozenset({"images", "stop", "schema", "calls"})
EFFORTS: Mapping[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
}
"""The budget for thinking (tokens) of an effort that a caller asks for."""

_COUNTED = frozenset({"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"})
"""The fields of a request that may be counted: others are refused."""
MOST_COUNTING_SECONDS = 5.0
_MOST_COUNT_BYTES = 65_536


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
            "description": "Turns thinking on with this budget, left off where an answer may not have more tokens; a "
            "model that takes none is told an effort: up to 2,048 low, up to 8,192 medium, else high",
            "unit": "tokens",
        },
    )
    thinking = fields.String(
        validate=validate.OneOf(["budget", "adaptive"]),
        metadata={
            "description": "How thinking is asked for: with a budget, or left to the model; `adaptive` turns it on "
            "even without a number of tokens",
            "default": "what is known of the model, else `budget`",
        },
    )


def unheeded(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Options that are not sent as they are configured, each with what becomes of it."""
    traits = traits_of(options, USUAL)
    yield from unheeded_sampling(options, traits)
    if "seed" in options:
        yield "seed", "is not sent: this API has none"
    tokens = options.get("thinking_tokens", 0)
    if tokens >= options["max_tokens"]:
        yield "thinking_tokens", "is never sent: max_tokens allows no more"
    elif tokens and traits.thinking == "adaptive":
        yield "thinking_tokens", f"is sent as adaptive thinking of effort {_effort(tokens)}"
    thinks = 0 < tokens < options["max_tokens"] or options.get("thinking") == "adaptive"
    if thinks and traits.sampling and {"temperature", "top_p"} & options.keys():
        yield (
            "thinking_tokens" if tokens else "thinking",
            "leaves out temperature and top_p: the API takes no such pair",
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
        self._traits = traits_of(options, USUAL)
        self.takes: frozenset[Need] = TAKES if options["images"] else TAKES - {"images"}

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """See the port."""
        payload = self._payload(prompt)
        decoder = AnthropicDecoder(Prefix(payload).before(payload["messages"]))
        return open_stream(self._upstream, "/messages", prompt, self._payloads(prompt, payload), decoder, heartbeat)

    def count_tokens(self, prompt: Prompt) -> int:
        """See `TokenCounter`: within the `connect` timeout, and MOST_COUNTING_SECONDS at most."""
        payload = {name: value for name, value in self._payload(prompt).items() if name in _COUNTED}
        seconds = min(self._options["timeouts"]["connect"], MOST_COUNTING_SECONDS)
        try:
            with gevent.Timeout(seconds):
                return whole_reply(
                    self._upstream,
                    "/messages/count_tokens",
                    payload,
                    prompt.exchange,
                    _counted,
                    "tokens",
                    _MOST_COUNT_BYTES,
                )
        except gevent.Timeout as error:
            raise ModelError(Problem.UPSTREAM_TIMEOUT, reason=f"no count within {seconds:g} s") from error

    def _payload(self, prompt: Prompt) -> dict[str, Any]:
        payload = self._bare(prompt)
        stop = {"stop_sequences": self._stop(prompt)} if self._stop(prompt) else {}
        thinking = self._thinking(payload, prompt, self._traits.thinking)
        # The API refuses the sampling options together with thinking.
        others = {} if thinking else sampling_fields(prompt.options, self._options, self._traits)
        return self._without_thoughts(prompt, _merged(payload | stop | others, thinking))

    def _payloads(self, prompt: Prompt, payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The payload; and where that is refused, the same without options: no model needs one."""
        yield payload
        bare = self._bare(prompt)
        adaptive = payload.get("thinking", {}).get("type") == "enabled" and "adaptive" in last_refusal(prompt)
        thinking = self._thinking(bare, prompt, "adaptive") if adaptive else {}
        yield self._without_thoughts(prompt, _merged(bare, thinking))

    def _bare(self, prompt: Prompt) -> dict[str, Any]:
        most, asked = self._options["max_tokens"], prompt.options
        format_of = {"format": {"type": "json_schema", "schema": asked.format.schema}} if asked.format else None
        return {
            "model": self._options["model"],
            "max_tokens": min(asked.max_tokens or most, most),
            "stream": True,
            **conversation_fields(prompt, images=self._options["images"]),
            **({"stop_sequences": self._stop(prompt)} if asked.stop else {}),
            **({"output_config": format_of} if format_of else {}),
        }

    def _stop(self, prompt: Prompt) -> list[str]:
        """The configured texts and the caller's."""
        return [*dict.fromkeys([*self._options.get("stop", ()), *prompt.options.stop])]

    def _thinking(self, payload: Mapping[str, Any], prompt: Prompt, form: str) -> dict[str, Any]:
        """What turns thinking on; nothing where it is off, where the answer may have no more tokens than that, or where
        a tool must be called, which the API refuses together with thinking."""
        effort, most = prompt.options.effort, payload["max_tokens"]
        if effort is None:
            tokens = self._options.get("thinking_tokens", 0)
            thinks = tokens < most and (tokens or self._options.get("thinking") == "adaptive")
        else:
            tokens = EFFORTS[effort] if form == "adaptive" else _budget(effort, most)
            thinks = tokens
        if not thinks or prompt.options.tool_choice.kind == "required":
            return {}
        if form == "adaptive":
            config = {"output_config": {"effort": _effort(tokens)}} if tokens else {}
            return {"thinking": {"type": "adaptive", "display": "summarized"}, **config}
        if not may_think(payload["messages"]):
            return {}
        return {"thinking": {"type": "enabled", "budget_tokens": tokens}}

    def _without_thoughts(self, prompt: Prompt, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload, without earlier thoughts where a model that thinks with a budget does not in this round."""
        asked = self._options.get("thinking_tokens") or prompt.options.effort
        if not asked or "thinking" in payload or self._traits.thinking != "budget":
            return payload
        return payload | conversation_fields(prompt, images=self._options["images"], thoughts=False)


def _counted(body: bytes) -> int:
    """Raises one of whole_reply's UNREADABLE."""
    tokens = orjson.loads(body)["input_tokens"]
    if type(tokens) is not int or tokens <= 0:
        raise ValueError(f"input_tokens: {str(tokens)[:100]}")
    return tokens


def _merged(payload: dict[str, Any], thinking: dict[str, Any]) -> dict[str, Any]:
    """`output_config` has both how much a model thinks and what form its answer has."""
    config = {**payload.get("output_config", {}), **thinking.get("output_config", {})}
    return {**payload, **thinking, **({"output_config": config} if config else {})}


def _budget(effort: Effort, most: int) -> int:
    """Of an effort, or of the greatest below it that leaves room for the answer."""
    return max(tokens for tokens in EFFORTS.values() if tokens <= EFFORTS[effort] and tokens < most)


def _effort(tokens: int) -> str:
    """How much a model thinks that takes no budget (its guide "Effort")."""
    return "low" if tokens <= 2048 else "medium" if tokens <= 8192 else "high"
