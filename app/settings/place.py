"""Where an installation is: what the environment says without parlance.toml, for commands that need no more."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError
from sqlalchemy import URL

from app.settings.environment import EnvironmentSchema
from app.settings.mistakes import SettingsError, mistake_lines

_CODE = Path(__file__).parents[2]
ROOT = _CODE if (_CODE / "wsgi.py").exists() else Path.cwd()
"""The folder of Parlance's own files; where the code is installed as a package without them, the one one works in."""


@dataclass(frozen=True, slots=True)
class Place:
    """The configuration file, the home folder, the database's URL and PARLANCE_SECRET_KEY."""

    config: Path
    home: Path
    database_url: str
    secret_key: str | None


def load_place(environ: Mapping[str, str] = os.environ) -> Place:
    """Raises SettingsError, also where there is no configuration file: that is no folder of Parlance's then."""
    env, problems = read_environment(environ)
    place = place_in(env)
    try:
        place.config.stat()
    except OSError as error:
        problems.append(f"PARLANCE_CONFIG: {place.config} cannot be read: {error.strerror}")
    if problems:
        raise SettingsError(problems)
    return place


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """What is valid of the variables, and the mistakes in the rest. Those that are empty or blank count as unset."""
    return load(EnvironmentSchema(), {name: value for name, value in environ.items() if value.strip()})


def place_in(env: Mapping[str, Any]) -> Place:
    """What these variables say."""
    home = Path(env.get("PARLANCE_HOME", ROOT / "instance")).absolute()
    return Place(
        config=Path(env.get("PARLANCE_CONFIG", ROOT / "config" / "parlance.toml")).absolute(),
        home=home,
        database_url=env.get("DATABASE_URL") or str(URL.create("sqlite", database=str(home / "parlance.db"))),
        secret_key=env.get("PARLANCE_SECRET_KEY"),
    )


def load(schema: Schema, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What is valid of the data, and the mistakes in the rest."""
    try:
        return schema.load(data), []
    except ValidationError as error:
        return error.valid_data if isinstance(error.valid_data, dict) else {}, mistake_lines(error.messages)
