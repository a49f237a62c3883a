"""The environment and parlance.toml, checked as a whole and turned into one typed object.

Nothing is imported or started for it. Every mistake is found at once and named by its place.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.engine.agent import Agent, ToolSpec
from app.engine.texts import places_of_nul
from app.knowledge.files import pages_pattern
from app.settings.checks import ConfigSchema
from app.settings.mistakes import SettingsError
from app.settings.place import load, place_in, read_environment
from app.settings.records import OperatorFiles, RetentionSettings, Server, Settings, WorkflowSettings


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Variables that are empty or blank count as unset. Raises SettingsError."""
    env, problems = read_environment(environ)
    place = place_in(env)
    path, home = place.config, place.home
    tables = _read(path, problems)
    if tables is None:
        raise SettingsError(problems)
    problems += [f"{path.name}: {where}: Must not have the character NUL (U+0000)." for where in places_of_nul(tables)]
    config, mistakes = load(ConfigSchema(path.parent, home), tables)
    problems += [f"{path.name}: {mistake}" for mistake in mistakes]
    files = _files(path, config)
    if problems:
        raise SettingsError(problems, files)
    return Settings(
        port=env["PORT"],
        home=home,
        secret_key=place.secret_key,
        database_url=place.database_url,
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
