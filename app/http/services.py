"""What the views find at hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flask import current_app

from app.engine.engine import Engine
from app.http.dialect import Dialect
from app.providers.fallback import Circuit
from app.settings import Settings
from app.store.database import Database
from app.store.keys import KeyStore


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    keys: KeyStore
    engine: Engine
    circuits: Sequence[Circuit]
    dialects: Mapping[str, Dialect]


def services() -> Services:
    return cast("Services", current_app.extensions["parlance"])
