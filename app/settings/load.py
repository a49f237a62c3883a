"""The environment and parlance.toml, checked and turned into one typed object.

Every mistake is found at once and named by its place; `SettingsError.problems` lists them.
"""

import contextlib
import os
import secrets
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from marshmallow import ValidationError
from sqlalchemy import URL

from app.engine.ports import Agent
from app.settings.checks import ConfigSchema
from app.settings.environment import EnvironmentSchema
from app.settings.mistakes import flatten
from app.settings.tables import ModelSettings
from app.tools.base import Tool
from app.workflows.checks import Rules
from app.workflows.definition import Workflow

ROOT = Path(__file__).parents[2]


class SettingsError(Exception):
    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Server:
    """The [server] table; times in seconds, sizes in bytes."""

    heartbeat_seconds: float
    body_bytes: int
    body_seconds: float
    send_seconds: float
    streams: int
    shutdown_seconds: float
    retry_seconds: float
    circuit_failures: int
    circuit_seconds: float
    log_messages: bool
    playground: bool
    sign_up: bool
    reference: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the server is told. `tools` are those that the configuration adds to the built-in ones."""

    port: int
    home: Path
    database_url: str
    trusted_hops: int
    allowed_origins: frozenset[str]
    server: Server
    models: Mapping[str, ModelSettings]
    agents: Mapping[str, Agent]
    tools: Mapping[str, Tool]
    limits: Mapping[str, str]
    workflows: Sequence[Workflow]
    rules: Rules  # of workflows

    @property
    def default_agent(self) -> Agent:
        """Whom callers reach who name none: the public agent, else the first."""
        return self.public_agent or next(iter(self.agents.values()))

    def model_called(self, name: str) -> str | None:
        """The model of that name or alias."""
        return next((each for each, model in self.models.items() if name == each or name in model.aliases), None)

    @property
    def public_agent(self) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.public), None)


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError."""
    problems: list[str] = []
    given = {name: value for name, value in environ.items() if value.strip()}
    env, mistakes = _load(EnvironmentSchema(), given)
    problems += mistakes
    path = Path(env.get("PARLANCE_CONFIG", ROOT / "config" / "parlance.toml")).absolute()
    written = _read(path, problems)
    if written is not None:
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))  # where the operator's own tools are; last, to take nobody's name
        config, mistakes = _load(ConfigSchema(path.parent), written)
        problems += [f"{path.name}: {mistake}" for mistake in mistakes]
    if problems:
        raise SettingsError(problems)
    home = Path(env.get("PARLANCE_HOME", ROOT / "instance")).absolute()
    return Settings(
        port=env["PORT"],
        home=home,
        database_url=env.get("DATABASE_URL") or str(URL.create("sqlite", database=str(home / "parlance.db"))),
        trusted_hops=env["PARLANCE_TRUSTED_HOPS"],
        allowed_origins=frozenset(env["PARLANCE_ALLOWED_ORIGINS"]),
        server=Server(**config["server"]),
        models=config["models"],
        agents=config["agents"],
        tools=config["tools"],
        limits=config["limits"],
        workflows=config["workflows"],
        rules=config["rules"],
    )


def load_settings_or_exit() -> Settings:
    """For the entry points: mistakes go to standard error, one a line, and the process ends with status 2."""
    try:
        return load_settings()
    except SettingsError as error:
        refuse(*error.problems)


def refuse(*problems: str) -> NoReturn:
    """End the process with status 2, naming what is wrong on standard error."""
    print(
        "Parlance cannot start. Please correct:", *(f"  - {problem}" for problem in problems), sep="\n", file=sys.stderr
    )
    sys.exit(2)


def secret_key(home: Path) -> str:
    """The installation's own secret: made at random on the first start, readable by its owner only."""
    path = home / "secret_key"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=home)  # 0600; whole before it has its name, whoever is first
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text(encoding="ascii")


def _read(path: Path, problems: list[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"PARLANCE_CONFIG: {path} cannot be read: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: not TOML: {error}")
    return None


def _load(schema: Any, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    try:
        return schema.load(data), []
    except ValidationError as error:
        return error.valid_data if isinstance(error.valid_data, dict) else {}, [
            f"{place}: {what}" if place else what for place, what in flatten(error.messages)
        ]
