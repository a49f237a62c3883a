"""The environment and parlance.toml, checked as a whole and turned into one typed object.

Nothing is imported or started for it. Every mistake is found at once and named by its place.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError
from sqlalchemy import URL

from app.engine.agent import Agent, ToolSpec
from app.engine.texts import places_of_nul
from app.knowledge.files import pages_pattern
from app.settings.checks import ConfigSchema
from app.settings.environment import EnvironmentSchema
from app.settings.mistakes import SettingsError, mistake_lines
from app.settings.records import OperatorFiles, RetentionSettings, Server, Settings, WorkflowSettings

ROOT = Path(__file__).parents[2]


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Variables that are empty or blank count as unset. Raises SettingsError."""
    problems: list[str] = []
    env, mistakes = _load(EnvironmentSchema(), {name: value for name, value in environ.items() if value.strip()})
    problems += mistakes
    path = Path(env.get("PARLANCE_CONFIG", ROOT / "config" / "parlance.toml")).absolute()
    tables = _read(path, problems)
    if tables is None:
        raise SettingsError(problems)
    problems += [f"{path.name}: {place}: Must not have the character NUL (U+0000)." for place in places_of_nul(tables)]
    home = Path(env.get("PARLANCE_HOME", ROOT / "instance")).absolute()
    config, mistakes = _load(ConfigSchema(path.parent, home), tables)
    problems += [f"{path.name}: {mistake}" for mistake in mistakes]
    files = _files(path, config)
    if problems:
        raise SettingsError(problems, files)
    return Settings(
        port=env["PORT"],
        home=home,
        secret_key=env.get("PARLANCE_SECRET_KEY"),
        database_url=env.get("DATABASE_URL") or str(URL.create("sqlite", database=str(home / "parlance.db"))),
        redis_url=env.get("REDIS_URL"),
        metrics_token=env.get("PARLANCE_METRICS_TOKEN"),
        workers=env["WEB_CONCURRENCY"] or len(os.sched_getaffinity(0)),
        trusted_hops=env["PARLANCE_TRUSTED_HOPS"],
        hosts=frozenset(env["PARLANCE_HOSTS"]),
        allowed_origins=frozenset(env["PARLANCE_ALLOWED_ORIGINS"]),
        server=Server(**config["server"]),
        models=config["models"],
        agents={agent_id: _agent(agent_id, agent, path.parent, home) for agent_id, agent in config["agents"].items()},
        limits=config["limits"],
        retention=RetentionSettings(**config["retention"]),
        webhooks=config["webhooks"],
        files=files,
    )


def _read(path: Path, problems: list[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"PARLANCE_CONFIG: {path} cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: not TOML: {error}")
    return None


def _load(schema: Schema, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What is valid of the data, and the mistakes in the rest."""
    try:
        return schema.load(data), []
    except ValidationError as error:
        return error.valid_data if isinstance(error.valid_data, dict) else {}, mistake_lines(error.messages)


def _files(path: Path, config: Mapping[str, Any]) -> OperatorFiles:
    """`config` may have lost what held mistakes."""
    workflows = config.get("workflows")
    agents = {agent_id: agent for agent_id, agent in config.get("agents", {}).items() if isinstance(agent, dict)}
    return OperatorFiles(
        config=path,
        tools=config.get("tools", {}),
        workflows=workflows if isinstance(workflows, WorkflowSettings) else None,
        followed={agent_id: agent["workflow"] for agent_id, agent in agents.items() if "workflow" in agent},
    )


def _agent(agent_id: str, table: Mapping[str, Any], folder: Path, home: Path) -> Agent:
    """Every agent answers from its pages too, as soon as there are some."""
    patterns = [str(folder / pattern) for pattern in table.get("knowledge", ())]
    lists: dict[str, Any] = {
        "models": tuple(table["model"]),
        "tools": tuple(table.get("tools", ())),
        "widget_key_wires": tuple(table.get("widget_key_wires", ())),
        "client_tools": tuple(ToolSpec(name=name, **said) for name, said in table.get("client_tools", {}).items()),
        "knowledge": (*patterns, pages_pattern(home, agent_id)),
    }
    return Agent(**{"id": agent_id, "name": agent_id} | {key: table[key] for key in table if key != "model"} | lists)
