"""Anthropic's Messages API. Source: its API reference, "Messages" and "Streaming messages"."""

from typing import Any

from marshmallow import fields, validate

from app.engine.chunks import Chunk
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.apis.anthropic_decoder import AnthropicDecoder
from app.providers.apis.anthropic_messages import conversation_fields
from app.providers.apis.anthropic_thoughts import Prefix, may_think
from app.providers.apis.http_stream import open_stream
from app.providers.apis.options import HttpModelOptions, api_key, check_url, upstream


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
        """See the port."""
        payload = self._payload(prompt)
        decoder = AnthropicDecoder(Prefix(payload).before(payload["messages"]))
        return open_stream(self._upstream, "/messages", prompt, [payload], decoder, heartbeat)

    def _payload(self, prompt: Prompt) -> dict[str, Any]:
        options, requested = self._options, prompt.options
        payload: dict[str, Any] = {
            "model": options["model"],
            "max_tokens": min(requested.max_tokens or options["max_tokens"], options["max_tokens"]),
            "stream": True,
            **conversation_fields(prompt),
        }
        if "stop" in options:
            payload["stop_sequences"] = options["stop"]
        thinking = options.get("thinking_tokens", 0)
        if 0 < thinking < payload["max_tokens"] and may_think(payload["messages"]):
            payload["thinking"] = {"type": "enabled", "budget_tokens": thinking}
        else:
            if thinking:  # is off in this round
                payload |= conversation_fields(prompt, thoughts=False)
            for name in ("temperature", "top_p"):
                value = getattr(requested, name)  # the API refuses both of these together with thinking
                if value is not None or name in options:
                    payload[name] = min(options[name] if value is None else value, 1)  # the API's range ends at 1
        return payload
