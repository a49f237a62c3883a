"""Any server with OpenAI's chat-completions API: OpenAI itself, vLLM, Ollama, llama.cpp, LiteLLM and many more.

Source: OpenAI's API reference, "Chat" and "Streaming".
"""

from typing import Any

from marshmallow import fields, validate

from app.engine.chunks import Chunk
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.apis.http_stream import open_stream
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.providers.apis.openai_messages import conversation_fields
from app.providers.apis.options import HttpModelOptions, api_key, printable, upstream


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
        """See the port."""
        tools = {tool.name for tool in prompt.tools}
        decoder = OpenAIDecoder(tools, reasons=self._options["finish_reasons"])
        return open_stream(self._upstream, "/chat/completions", prompt, [self._payload(prompt)], decoder, heartbeat)

    def _payload(self, prompt: Prompt) -> dict[str, Any]:
        options, requested = self._options, prompt.options
        payload: dict[str, Any] = {
            "model": options["model"],
            "stream": options["stream"],
            **conversation_fields(prompt),
        }
        if options["stream"] and options["stream_usage"]:
            payload["stream_options"] = {"include_usage": True}
        for name in ("temperature", "top_p", "seed"):
            value = getattr(requested, name)
            if value is not None or name in options:
                payload[name] = options[name] if value is None else value
        limits = [limit for limit in (requested.max_tokens, options.get("max_tokens")) if limit]
        if limits:
            payload[options["max_tokens_field"]] = min(limits)
        if "stop" in options:
            payload["stop"] = options["stop"]
        return payload
