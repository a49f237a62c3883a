"""The providers: each has a schema of its options in parlance.toml and builds a model from them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from app.engine.ports import Model
from app.providers.apis import anthropic, openai
from app.providers.local import builtin, scripted


@dataclass(frozen=True, slots=True)
class Provider:
    """`build` takes the options as the schema has loaded them."""

    options: type[Schema]
    build: Callable[[dict[str, Any]], Model]


PROVIDERS = {
    "anthropic": Provider(anthropic.AnthropicOptions, anthropic.AnthropicModel),
    "builtin": Provider(builtin.BuiltinOptions, builtin.BuiltinModel),
    "openai": Provider(openai.OpenAIOptions, openai.OpenAIModel),
    "scripted": Provider(scripted.ScriptedOptions, scripted.ScriptedModel),
}
