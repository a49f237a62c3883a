"""parlance.toml as a whole: which tables there are, and how they must fit together."""

import pkgutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from limits import parse_many
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.knowledge.files import matching_files, pages_pattern
from app.settings.agent_table import AgentSchema
from app.settings.mistakes import flatten
from app.settings.parlance_toml import NAME, ModelSchema, RetentionSchema, Tools, WorkflowsSchema
from app.settings.records import ModelSettings
from app.settings.server_table import ServerSchema
from app.tools import BUILT_IN
from app.webhooks.options import Webhook, WebhookOptions

OTHER, DEFAULT_OTHER = "other", "600/minute"
"""In [limits]: the budget of requests that no wire counts."""

WIRES = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parents[1] / "wires")]))


def _check_limit(text: str) -> None:
    try:
        parse_many(text)
    except ValueError as error:
        raise ValidationError("Not a limit such as 30/minute.") from error


class ConfigSchema(Schema):
    """parlance.toml. Relative paths in it start from `folder`; pages that agents keep are below `home`. Loads into a
    dictionary of its tables."""

    models = fields.Dict(fields.String(validate=NAME), fields.Nested(ModelSchema), required=True)
    agents = fields.Dict(
        fields.String(validate=NAME),
        fields.Nested(AgentSchema),
        required=True,
        validate=validate.Length(1, error="Name at least one agent."),
    )
    tools = Tools(load_default=dict)
    limits = fields.Dict(
        fields.String(validate=validate.OneOf([*WIRES, OTHER])),
        fields.String(validate=_check_limit),
        load_default=dict,
    )
    retention = fields.Nested(RetentionSchema, load_default=lambda: RetentionSchema().load({}))
    server = fields.Nested(ServerSchema, load_default=lambda: ServerSchema().load({}))
    webhooks = fields.Dict(fields.String(validate=NAME), fields.Nested(WebhookOptions), load_default=dict)
    workflows = fields.Nested(WorkflowsSchema, load_default=lambda: WorkflowsSchema().load({}))

    def __init__(self, folder: Path, home: Path) -> None:
        super().__init__()
        self._folder, self._home = folder, home

    @validates_schema(skip_on_field_errors=False)
    def check_aliases(self, data: Mapping[str, Any], **_: Any) -> None:
        """Each name and alias belongs to one model."""
        models = data.get("models", {})
        owners = dict.fromkeys(models, "a model's name")
        problems: dict[str, Any] = {}
        for name, model in models.items():
            for alias in model.aliases if isinstance(model, ModelSettings) else ():
                if alias in owners:
                    problems[name] = {"aliases": f"{alias!r} is {owners[alias]} already."}
                owners[alias] = f"an alias of {name!r}"
        if problems:
            raise ValidationError({"models": problems})

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_retention(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        """The agents and the wires that have numbers of days exist."""
        retention, agents = data.get("retention", {}), original.get("agents")
        problems = {
            table: {name: f"There is no {what} {name!r}; there are: {', '.join(there)}." for name in unknown}
            for table, what, there in (
                ("agents", "agent", agents if isinstance(agents, dict) else {}),
                ("channels", "wire", WIRES),
            )
            if (unknown := [name for name in retention.get(table, {}) if name not in there])
        }
        if problems:
            raise ValidationError({"retention": problems})

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_agents(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        """The models, tools and files of knowledge that agents name exist, and at most one agent is public."""
        models = data.get("models", {})
        agents = {agent_id: agent for agent_id, agent in data.get("agents", {}).items() if isinstance(agent, dict)}
        tables = original.get("tools")  # also those with mistakes of their own, which are reported already
        tools = [*BUILT_IN, *(tables if isinstance(tables, dict) else ())]
        problems = {agent_id: self._agent_problems(agent, models, tools) for agent_id, agent in agents.items()}
        for agent_id, agent in agents.items():
            self._check_knowledge(agent_id, agent, problems[agent_id])
        public = [agent_id for agent_id, agent in agents.items() if agent.get("public")]
        for agent_id in public[1:]:
            problems[agent_id]["public"] = f"Only one agent can be public, and {public[0]!r} is."
        if any(flatten(problems)):
            raise ValidationError({"agents": problems})

    @validates_schema(skip_on_field_errors=False)
    def check_webhooks(self, data: Mapping[str, Any], **_: Any) -> None:
        """The agents that webhooks name exist."""
        agents, problems = data.get("agents", {}), dict[str, Any]()
        for name, webhook in data.get("webhooks", {}).items():
            unknown = sorted((webhook.agents or frozenset()) - {*agents}) if isinstance(webhook, Webhook) else []
            if unknown:
                problem = f"There is no agent {unknown[0]!r}; there are: {', '.join(agents) or 'none'}."
                problems[name] = {"agents": problem}
        if problems:
            raise ValidationError({"webhooks": problems})

    def _agent_problems(
        self, agent: Mapping[str, Any], models: Mapping[str, Any], tools: Collection[str]
    ) -> dict[str, Any]:
        """By key of the agent's table. `models` and `tools` are the names that exist."""
        problems: dict[str, Any] = {}
        unknown = [name for name in agent.get("model", []) if name not in models]
        if unknown:
            problems["model"] = f"There is no model {unknown[0]!r}; there are: {', '.join(models) or 'none'}."
        problems["tools"] = {
            index: f"Must be one of: {', '.join(tools)}."
            for index, name in enumerate(agent.get("tools", []))
            if name not in tools
        }
        embeddings = agent.get("embeddings")
        if embeddings is not None:
            able = [name for name, model in models.items() if getattr(model, "provider", "openai") == "openai"]
            if embeddings not in able:
                names = ", ".join(able) or "none"
                problems["embeddings"] = f"There is no model {embeddings!r} of the provider openai; there are: {names}."
        no_wires = [name for name in agent.get("widget_key_wires", []) if name not in WIRES]
        if no_wires:
            problems["widget_key_wires"] = f"There is no wire {no_wires[0]!r}; there are: {', '.join(WIRES)}."
        both = [name for name in agent.get("client_tools", {}) if name in agent.get("tools", [])]
        if both:
            problems["client_tools"] = f"{both[0]!r} is among the agent's tools already."
        return problems

    def _check_knowledge(self, agent_id: str, agent: Mapping[str, Any], problems: dict[str, Any]) -> None:
        """Each pattern matches a file; of an agent that has kept pages to answer from, none has to."""
        missing = [each for each in agent.get("knowledge", []) if not matching_files((str(self._folder / each),))]
        if missing and not matching_files((pages_pattern(self._home, agent_id),)):
            problems["knowledge"] = f"No file matches {missing[-1]!r}."
