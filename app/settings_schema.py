"""What parlance.toml may say."""

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limits import parse_many
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.ports import Agent, ToolSpec
from app.mistakes import flatten
from app.providers import PROVIDERS
from app.tools import BUILT_IN, describe_tools, load_tool
from app.tools.base import Tool
from app.tools.knowledge import matching_files
from app.workflows.checks import Rules
from app.workflows.definition import Limits, Workflow
from app.workflows.files import read_files

DIALECTS = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent / "dialects")]))

_NAME = validate.Regexp(r"[A-Za-z0-9._-]{1,64}\Z", error="Use 1 to 64 letters, digits, dots, dashes, underscores.")
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
    client_tools = fields.Dict(fields.String(validate=_NAME), fields.Nested(ClientToolSchema))
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
    aliases = fields.List(fields.String(validate=_NAME), load_default=list)

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


def _check_limit(text: str) -> None:
    try:
        parse_many(text)
    except ValueError as error:
        raise ValidationError("Not a limit such as 30/minute.") from error


class ConfigSchema(Schema):
    """parlance.toml. `folder` is what its relative paths start from."""

    models = fields.Dict(fields.String(validate=_NAME), fields.Nested(ModelSchema), required=True)
    agents = fields.Dict(fields.String(validate=_NAME), fields.Nested(AgentSchema), required=True)
    tools = Tools(load_default=dict)
    limits = fields.Dict(
        fields.String(validate=validate.OneOf(DIALECTS)),
        fields.String(validate=_check_limit),
        load_default=dict,
    )
    server = fields.Nested(ServerSchema, load_default=lambda: ServerSchema().load({}))
    workflows = fields.Nested(WorkflowsSchema, load_default=lambda: WorkflowsSchema().load({}))

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._workflows: list[Workflow] = []
        self._rules = Rules({})

    @validates_schema(skip_on_field_errors=False)
    def check_workflows(self, data: Mapping[str, Any], **_: Any) -> None:
        if not isinstance(data.get("workflows"), tuple):
            return
        patterns, ceilings = data["workflows"]
        tools = data["tools"] if isinstance(data.get("tools"), dict) else {}
        self._rules = Rules(describe_tools(tools), ceilings)
        try:
            self._workflows = read_files(self._folder, patterns, self._rules)
        except ValidationError as error:
            raise ValidationError({"workflows": error.messages}) from error
        names = [workflow.name for workflow in self._workflows]
        problems = {
            agent_id: {
                "workflow": f"There is no workflow {agent['workflow']!r}; there are: {', '.join(names) or 'none'}."
            }
            for agent_id, agent in data.get("agents", {}).items()
            if isinstance(agent, dict) and "workflow" in agent and agent["workflow"] not in names
        }
        if problems:
            raise ValidationError({"agents": problems})

    @validates_schema(skip_on_field_errors=False)
    def check_aliases(self, data: Mapping[str, Any], **_: Any) -> None:
        """A name leads to one model."""
        models = data.get("models", {})
        called = dict.fromkeys(models, "a model's name")
        problems: dict[str, Any] = {}
        for name, model in models.items():
            for alias in model.aliases if isinstance(model, ModelSettings) else ():
                if alias in called:
                    problems[name] = {"aliases": f"{alias!r} is {called[alias]} already."}
                called[alias] = f"an alias of {name!r}"
        if problems:
            raise ValidationError({"models": problems})

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_agents(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        models = data.get("models", {})
        agents = {agent_id: agent for agent_id, agent in data.get("agents", {}).items() if isinstance(agent, dict)}
        written = original.get("tools")  # those with a mistake too, which is told already
        tools = [*BUILT_IN, *(written if isinstance(written, dict) else ())]
        problems: dict[str, Any] = {agent_id: {} for agent_id in agents}
        for agent_id, agent in agents.items():
            unknown = [name for name in agent.get("model", []) if name not in models]
            if unknown:
                known = ", ".join(models) or "none"
                problems[agent_id]["model"] = f"There is no model {unknown[0]!r}; there are: {known}."
            problems[agent_id]["tools"] = {
                index: f"Must be one of: {', '.join(tools)}."
                for index, name in enumerate(agent.get("tools", []))
                if name not in tools
            }
            both = [name for name in agent.get("client_tools", {}) if name in agent.get("tools", [])]
            if both:
                problems[agent_id]["client_tools"] = f"{both[0]!r} is among the agent's tools already."
            for pattern in agent.get("knowledge", []):
                if not matching_files((str(self._folder / pattern),)):
                    problems[agent_id]["knowledge"] = f"No file matches {pattern!r}."
        public = [agent_id for agent_id, agent in agents.items() if agent.get("public")]
        for agent_id in public[1:]:
            problems[agent_id]["public"] = f"Only one agent can be public, and {public[0]!r} is."
        if any(flatten(problems)):
            raise ValidationError({"agents": problems})

    @post_load
    def make_workflows(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "workflows": self._workflows, "rules": self._rules}

    @post_load
    def make_agents(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for agent_id, agent in data["agents"].items():
            knowledge = tuple(str(self._folder / pattern) for pattern in agent.pop("knowledge", []))
            tools = tuple(agent.pop("tools", []))
            theirs = agent.pop("client_tools", {})
            client_tools = tuple(ToolSpec(name=tool, **said) for tool, said in theirs.items())
            name = agent.pop("name", agent_id)
            models = tuple(agent.pop("model"))
            data["agents"][agent_id] = Agent(
                id=agent_id,
                name=name,
                models=models,
                tools=tools,
                client_tools=client_tools,
                knowledge=knowledge,
                **agent,
            )
        return data
