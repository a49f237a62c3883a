"""Models behind one port. Each provider names its options as a marshmallow schema and builds a model from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from app.engine.ports import Model
from app.providers import builtin, scripted


@dataclass(frozen=True, slots=True)
class Provider:
    options: type[Schema]
    build: Callable[[Mapping[str, Any]], Model]


PROVIDERS = {
    "builtin": Provider(builtin.Options, builtin.BuiltinModel),
    "scripted": Provider(scripted.Options, scripted.ScriptedModel),
}
