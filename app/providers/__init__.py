"""The providers: each has a schema of its options in parlance.toml and builds a model from them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from marshmallow import Schema

from app.engine.ports import Model
from app.providers.apis import anthropic, openai
from app.providers.local import scripted
from app.providers.local.builtin import model as builtin


@dataclass(frozen=True, slots=True)
class Provider:
    """`build` takes the options as the schema has loaded them; `unheeded` yields those that are not sent as they are
    configured, each with what becomes of it."""

    options: type[Schema]
    build: Callable[[dict[str, Any]], Model]
    unheeded: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] = lambda _: ()


PROVIDERS = {
    "anthropic": Provider(anthropic.AnthropicOptions, anthropic.AnthropicModel, anthropic.unheeded),
    "builtin": Provider(builtin.BuiltinOptions, builtin.BuiltinModel),
    "openai": Provider(openai.OpenAIOptions, openai.OpenAIModel, openai.unheeded),
    "scripted": Provider(scripted.ScriptedOptions, scripted.ScriptedModel),
}


def identity_of(name: str, provider: str, options: Mapping[str, Any]) -> str:
    """The `identity` of a configured model: its name, and a digest of which model at which server it stands for. What
    one model has signed is refused by another, which may have taken over its name."""
    server = [provider, options.get("base_url"), options.get("model")]
    return f"{name} {sha256(repr(server).encode()).hexdigest()[:16]}"
