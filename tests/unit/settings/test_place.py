"""Where an installation is, without its parlance.toml."""

from pathlib import Path

import pytest

from app.settings.load import load_settings
from app.settings.mistakes import SettingsError
from app.settings.place import ROOT, load_place


def test_a_place_is_where_the_settings_are() -> None:
    place, settings = load_place({}), load_settings({})
    assert (place.home, place.database_url, place.secret_key) == (settings.home, settings.database_url, None)
    assert place.config == ROOT / "config" / "parlance.toml"


def test_the_variables_say_it(tmp_path) -> None:
    (tmp_path / "p.toml").write_text("nothing that could be read = ")
    env = {"PARLANCE_CONFIG": str(tmp_path / "p.toml"), "PARLANCE_HOME": "/h", "PARLANCE_SECRET_KEY": "s" * 32}
    place = load_place({**env, "DATABASE_URL": "sqlite:////d/p.db"})
    assert (place.config, place.home) == (tmp_path / "p.toml", Path("/h"))
    assert (place.database_url, place.secret_key) == ("sqlite:////d/p.db", "s" * 32)


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"PARLANCE_CONFIG": "/nowhere/p.toml"}, "PARLANCE_CONFIG: /nowhere/p.toml cannot be read: No such file"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL: SQLite and PostgreSQL can be used"),
        ({"PORT": "x"}, "PORT: "),
    ],
)
def test_what_cannot_be_is_named(env, why) -> None:
    with pytest.raises(SettingsError, match=why):
        load_place(env)
