"""What the environment and parlance.toml may say."""

import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limits import parse_many
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from app.engine.ports import Agent
from app.providers import PROVIDERS
from app.store.keys import normalised_origin
from app.tools import TOOLS
from app.tools.knowledge import matching_files

DIALECTS = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent / "dialects")]))

_NAME = validate.Regexp(r"[A-Za-z0-9._-]{1,64}\Z", error="Use 1 to 64 letters, digits, dots, dashes, underscores.")
_SECONDS = validate.Range(0, 3600, min_inclusive=False)


class Origins(fields.Field[list[str]]):
    """Origins with spaces or commas between them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        try:
            return [normalised_origin(origin) for origin in value.replace(",", " ").split()]
        except ValueError as error:
            raise ValidationError(str(error)) from error


def _check_workers(count: int) -> None:
    if count > 1:
        raise ValidationError(
            "More than one worker needs a shared place for rate limits and running turns (otherwise every limit would "
            "silently be multiplied), and this version has none. Leave it at 1: one worker serves a thousand streams."
        )


def _check_redis(_url: str) -> None:
    raise ValidationError(
        "This version cannot use Redis yet; limits and running turns live in the one worker. Unset it."
    )


def _check_database(url: str) -> None:
    try:
        parsed = make_url(url)
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ValidationError(f"Not a database URL that can be used: {error}") from error
    except ImportError as error:
        raise ValidationError(f"The database's driver is not installed: {error}") from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValidationError("SQLite needs a file, for instance sqlite:////var/lib/parlance/parlance.db")


def _check_home(path: str) -> None:
    if Path(path).exists() and not Path(path).is_dir():
        raise ValidationError(f"{path} is not a folder.")


class EnvironmentSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    PORT = fields.Integer(load_default=8000, validate=validate.Range(0, 65535))
    PARLANCE_HOME = fields.String(validate=_check_home)
    PARLANCE_CONFIG = fields.String()
    DATABASE_URL = fields.String(validate=_check_database)
    REDIS_URL = fields.String(validate=_check_redis)
    WEB_CONCURRENCY = fields.Integer(load_default=1, validate=[validate.Range(1), _check_workers])
    PARLANCE_TRUSTED_HOPS = fields.Integer(load_default=0, validate=validate.Range(0, 10))
    PARLANCE_ALLOWED_ORIGINS = Origins(load_default=list)


class ModelNames(fields.Field[list[str]]):
    """One model's name, or a list: later ones are tried when an earlier one refuses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValidationError("Must be a model's name, or a list of such names.")
        if len(set(names)) < len(names):
            raise ValidationError("Names a model twice.")
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


class AgentSchema(Schema):
    name = fields.String(validate=validate.Length(1, 100))
    model = ModelNames(required=True)
    instructions = fields.String()
    tools = fields.List(fields.String(validate=validate.OneOf(TOOLS)))
    knowledge = fields.List(fields.String())
    public = fields.Boolean(truthy={True}, falsy={False})
    allow_system = fields.Boolean(truthy={True}, falsy={False})
    show_tools = fields.Boolean(truthy={True}, falsy={False})
    max_tokens = fields.Integer(strict=True, validate=validate.Range(1))
    max_rounds = fields.Integer(strict=True, validate=validate.Range(1, 50))
    history_messages = fields.Integer(strict=True, validate=validate.Range(1, 1000))
    history_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000))


class ModelSchema(Schema):
    """A provider's name, and beside it the options that this provider knows."""

    class Meta:
        unknown = EXCLUDE

    provider = fields.String(required=True, validate=validate.OneOf(PROVIDERS))

    @post_load(pass_original=True)
    def with_options(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> tuple[str, Any]:
        options = {name: value for name, value in original.items() if name != "provider"}
        return data["provider"], PROVIDERS[data["provider"]].options().load(options)


def _check_limit(text: str) -> None:
    try:
        parse_many(text)
    except ValueError as error:
        raise ValidationError("Not a limit such as 30/minute.") from error


class ConfigSchema(Schema):
    """parlance.toml. `folder` is what its relative paths start from."""

    models = fields.Dict(fields.String(validate=_NAME), fields.Nested(ModelSchema), required=True)
    agents = fields.Dict(fields.String(validate=_NAME), fields.Nested(AgentSchema), required=True)
    limits = fields.Dict(
        fields.String(validate=validate.OneOf(DIALECTS)),
        fields.String(validate=_check_limit),
        load_default=dict,
    )
    server = fields.Nested(ServerSchema, load_default=lambda: ServerSchema().load({}))

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @validates_schema(skip_on_field_errors=False)
    def check_agents(self, data: Mapping[str, Any], **_: Any) -> None:
        models, agents = data.get("models", {}), data.get("agents", {})
        problems: dict[str, Any] = {}
        for agent_id, agent in agents.items():
            if not isinstance(agent, dict) or "model" not in agent:
                continue
            unknown = [name for name in agent["model"] if name not in models]
            if unknown:
                known = ", ".join(models) or "none"
                problems[agent_id] = {"model": f"There is no model {unknown[0]!r}; there are: {known}."}
            for pattern in agent.get("knowledge", []):
                if not matching_files((str(self._folder / pattern),)):
                    problems.setdefault(agent_id, {})["knowledge"] = f"No file matches {pattern!r}."
        public = [agent_id for agent_id, agent in agents.items() if isinstance(agent, dict) and agent.get("public")]
        for agent_id in public[1:]:
            problems.setdefault(agent_id, {})["public"] = f"Only one agent can be public, and {public[0]!r} is."
        if problems:
            raise ValidationError({"agents": problems})

    @post_load
    def make_agents(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for agent_id, agent in data["agents"].items():
            knowledge = tuple(str(self._folder / pattern) for pattern in agent.pop("knowledge", []))
            tools = tuple(agent.pop("tools", []))
            name = agent.pop("name", agent_id)
            models = tuple(agent.pop("model"))
            data["agents"][agent_id] = Agent(
                id=agent_id, name=name, models=models, tools=tools, knowledge=knowledge, **agent
            )
        return data
