"""The installation's own secret."""

import os
import stat

import pytest

from app.settings.secret import secret_key, secret_of


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path) -> None:
    home = tmp_path / "deep" / "home"
    secret = secret_key(home)
    assert len(secret) >= 48
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert secret_key(home) == secret
    assert secret_key(tmp_path / "other") != secret


def test_the_secret_is_private_whatever_the_umask(tmp_path) -> None:
    before = os.umask(0)
    try:
        secret_key(tmp_path / "home")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "home" / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize("left", ["", "x" * 31])
def test_a_secret_that_was_cut_is_none(tmp_path, left) -> None:
    (tmp_path / "secret_key").write_text(left)
    with pytest.raises(OSError, match="fewer than 32 characters: restore it from a backup"):
        secret_key(tmp_path)


def test_the_variables_secret_is_the_installations_and_none_is_made(load, tmp_path) -> None:
    settings = load(PARLANCE_SECRET_KEY="x" * 32, PARLANCE_HOME=str(tmp_path / "home"))
    assert secret_of(settings) == "x" * 32
    assert not (tmp_path / "home").exists()
    assert "x" * 32 not in repr(settings)
    assert secret_of(load(PARLANCE_HOME=str(tmp_path / "home"))) == secret_key(tmp_path / "home")
