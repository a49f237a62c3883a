"""What the tests of the settings share: loading them from a text, and the mistakes in it."""

import pytest

from app.settings.load import load_settings
from app.settings.mistakes import SettingsError
from app.settings.records import Settings

CONFIG = """
[models.m]
provider = "builtin"

[agents.demo]
model = "m"
"""


@pytest.fixture
def load(tmp_path):
    """The settings that a configuration file and an environment make; `more` goes on with the table [agents.demo]."""

    def load_from(config: str | bytes = CONFIG, *, more: str = "", **environ: str) -> Settings:
        path = tmp_path / "parlance.toml"
        path.write_bytes(config if isinstance(config, bytes) else (config + more).encode())
        return load_settings({"PARLANCE_CONFIG": str(path)} | environ)

    return load_from


@pytest.fixture
def problems(load):
    """The mistakes found, one string each."""

    def find(config: str | bytes = CONFIG, *, more: str = "", **environ: str) -> list[str]:
        with pytest.raises(SettingsError) as refusal:
            load(config, more=more, **environ)
        return [*refusal.value.problems]

    return find
