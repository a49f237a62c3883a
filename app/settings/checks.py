"""What parlance.toml may say: its tables, and how they must fit together."""

import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limits import parse_many
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.ports import Agent, ToolSpec
from app.settings.mistakes import flatten
from app.settings.tables import NAME, AgentSchema, ModelSchema, ModelSettings, ServerSchema, Tools, WorkflowsSchema
from app.tools import BUILT_IN, describe_tools
from app.tools.knowledge.search import matching_files
from app.workflows.checks import Rules
from app.workflows.definition import Workflow
from app.workflows.files import read_files

WIRES = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parents[1] / "wires")]))


def _check_limit(text: str) -> None:
    try:
        parse_many(text)
    except ValueError as error:
        raise ValidationError("Not a limit such as 30/minute.") from error


class ConfigSchema(Schema):
    """parlance.toml. `folder` is what its relative paths start from."""

    models = fields.Dict(fields.String(validate=NAME), fields.Nested(ModelSchema), required=True)
    agents = fields.Dict(fields.String(validate=NAME), fields.Nested(AgentSchema), required=True)
    tools = Tools(load_default=dict)
    limits = fields.Dict(
        fields.String(validate=validate.OneOf(WIRES)),
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
