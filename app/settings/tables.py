"""What each table of parlance.toml may say, taken by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.providers import PROVIDERS
from app.tools import load_tool
from app.tools.base import Tool
from app.workflows.definition import Limits

NAME = validate.Regexp(r"[A-Za-z0-9._-]{1,64}\Z", error="Use 1 to 64 letters, digits, dots, dashes, underscores.")
_SECONDS = validate.Range(0, 3600, min_inclusive=False)


def _each_once(names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValidationError(f"Names {twice[0]!r} twice.")


class ModelNames(fields.Field[list[str]]):
    """One model's name, or a list: later ones are tried when an earlier one refuses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValidationError("Must be a model's name, or a list of such names.")
        _each_once(names)
        return names


class ServerSchema(Schema):
    heartbeat_seconds = fields.Float(load_default=15, validate=_SECONDS)
    body_bytes = fields.Integer(load_default=262_144, strict=True, validate=validate.Range(1024, 2**30))
    body_seconds = fields.Float(load_default=20, validate=_SECONDS)
    send_seconds = fields.Float(load_default=30, validate=_SECONDS)
    streams = fields.Integer(load_default=1000, strict=True, validate=validate.Range(1, 100_000))
    shutdown_seconds = fields.Float(load_default=25, validate=_SECONDS)
    retry_seconds = fields.Float(load_default=0.5, validate=validate.Range(0, 10))
    circuit_failures = fields.Integer(load_default=5, strict=True, validate=validate.Range(1))
    circuit_seconds = fields.Float(load_default=30, validate=_SECONDS)
    log_messages = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    playground = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    sign_up = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    reference = fields.Boolean(load_default=True, truthy={True}, falsy={False})


class ClientToolSchema(Schema):
    """A tool that runs at the caller's; `parameters` is a JSON Schema of its arguments."""

    description = fields.String(required=True)
    parameters = fields.Dict(fields.String(), load_default=lambda: {"type": "object", "properties": {}})


class AgentSchema(Schema):
    name = fields.String(validate=validate.Length(1, 100))
    model = ModelNames(required=True)
    instructions = fields.String()
    tools = fields.List(fields.String(), validate=_each_once)  # models' APIs refuse one that is named twice
    client_tools = fields.Dict(fields.String(validate=NAME), fields.Nested(ClientToolSchema))
    knowledge = fields.List(fields.String())
    workflow = fields.String()
    public = fields.Boolean(truthy={True}, falsy={False})
    allow_system = fields.Boolean(truthy={True}, falsy={False})
    show_tools = fields.Boolean(truthy={True}, falsy={False})
    client_history = fields.Boolean(truthy={True}, falsy={False})
    stream_format = fields.String(validate=validate.OneOf(["sse", "ndjson"]))
    max_tokens = fields.Integer(strict=True, validate=validate.Range(1))
    max_rounds = fields.Integer(strict=True, validate=validate.Range(1, 50))
    history_messages = fields.Integer(strict=True, validate=validate.Range(1, 1000))
    history_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000))


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A model: its provider, that provider's options, what an answer costs, and what callers may call it besides."""

    provider: str
    options: dict[str, Any]
    credits: int = 1
    aliases: tuple[str, ...] = ()


class ModelSchema(Schema):
    """A provider's name, what an answer costs, other names, and beside these the options that this provider knows."""

    class Meta:
        unknown = EXCLUDE

    provider = fields.String(required=True, validate=validate.OneOf(PROVIDERS))
    credits = fields.Integer(load_default=1, strict=True, validate=validate.Range(0, 1_000_000))
    aliases = fields.List(fields.String(validate=NAME), load_default=list)

    @post_load(pass_original=True)
    def with_options(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> ModelSettings:
        options = {name: value for name, value in original.items() if name not in self.fields}
        return ModelSettings(
            provider=data["provider"],
            options=PROVIDERS[data["provider"]].options().load(options),
            credits=data["credits"],
            aliases=tuple(data["aliases"]),
        )


class WorkflowsSchema(Schema):
    """Where workflows are, and the most that one run of any may take."""

    files = fields.List(fields.String(), load_default=list)
    seconds = fields.Float(load_default=120, validate=_SECONDS)
    tool_calls = fields.Integer(load_default=50, strict=True, validate=validate.Range(0, 1000))
    model_calls = fields.Integer(load_default=20, strict=True, validate=validate.Range(0, 1000))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> tuple[list[str], Limits]:
        return data.pop("files"), Limits(**data)


class Tools(fields.Field[dict[str, Tool]]):
    """A table for each tool, by its name; what it may say depends on the name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Tool]:
        if not isinstance(value, dict):
            raise ValidationError("Not a valid mapping type.")
        tools: dict[str, Tool] = {}
        problems: dict[str, Any] = {}
        for name, table in value.items():
            try:
                tools[name] = load_tool(name, table)
            except ValidationError as error:
                problems[name] = error.messages
        if problems:
            raise ValidationError(problems)
        return tools
