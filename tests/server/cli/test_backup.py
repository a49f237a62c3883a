"""`flask backup` and `flask restore`, without a server; tests/server/test_backup_under_load.py has one."""

import os
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from app.testing.server import BIN, ROOT, Server


@pytest.fixture
def made(configured, tmp_path) -> tuple[Server, Path]:
    """A server that has a key, and a backup of it."""
    server = configured()
    server.make_database()
    server.key("secret")
    ran = server.flask("backup", str(tmp_path / "backup.tar"))
    assert (ran.stdout, ran.stderr) == ("", "")
    return server, tmp_path / "backup.tar"


def keys(server: Server) -> str:
    return server.flask("keys", "list").stdout


def refused(server: Server, *command: str) -> str:
    """The one line of a command that fails."""
    ran = server.flask(*command, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    return line


def test_a_backup_is_a_tar_file_of_the_database_and_the_secret_for_its_owner_alone(made, tmp_path) -> None:
    server, file = made
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        assert {(member.name, member.mode, member.uid) for member in archive} == {
            ("parlance.db", 0o600, 0),
            ("secret_key", 0o600, 0),
        }
        archive.extractall(tmp_path / "out", filter="data")
    assert (tmp_path / "out" / "secret_key").read_text() == (server.database.parent / "secret_key").read_text()
    with closing(sqlite3.connect(tmp_path / "out" / "parlance.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM keys").fetchone() == (1,)
    assert {path.name for path in tmp_path.iterdir()} == {"backup.tar", "out"}


def test_what_was_backed_up_is_restored_where_there_is_nothing(made, configured) -> None:
    server, file = made
    other = configured()
    ran = other.flask("restore", str(file))
    assert (ran.stdout, ran.stderr) == ("", "")
    assert keys(other) == keys(server)
    for name in ("parlance.db", "secret_key"):
        assert (other.database.parent / name).stat().st_mode & 0o777 == 0o600
    assert (other.database.parent / "secret_key").read_text() == (server.database.parent / "secret_key").read_text()
    assert not [each for each in other.database.parent.iterdir() if each.name.startswith(".")]
    assert "is there: move it away" in refused(other, "restore", str(file))
    other.database.rename(other.home / "old.db")
    (other.database.parent / "parlance.db-wal").touch()
    assert "parlance.db-wal is there: move it away" in refused(other, "restore", str(file))


def test_nothing_is_overwritten_by_a_backup(made) -> None:
    server, file = made
    before = file.read_bytes()
    assert refused(server, "backup", str(file)) == f"Error: {file} exists already."
    assert file.read_bytes() == before
    assert "No such file or directory" in refused(server, "backup", str(file.parent / "none" / "b.tar"))


def test_what_is_no_backup_or_a_broken_one_restores_nothing(made, configured, tmp_path) -> None:
    _, file = made
    whole, other = file.read_bytes(), configured()
    wrong = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "noise": os.urandom(5000),
        "damaged": whole[:60_000] + b"x" * 20_000 + whole[80_000:],
    }
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        told = refused(other, "restore", str(tmp_path / name))
        assert "no backup" in told or "damaged" in told, told
    with tarfile.open(tmp_path / "others", "w") as archive:
        archive.add(file, "../parlance.db")
    assert "no backup" in refused(other, "restore", str(tmp_path / "others"))
    assert "No such file" in refused(other, "restore", str(tmp_path / "missing"))
    assert {each.name for each in other.database.parent.iterdir()} <= {"secret_key", "parlance.db.lock"}


def test_a_damaged_or_a_missing_database_is_not_backed_up(configured, tmp_path) -> None:
    server = configured()
    assert "missing" in refused(server, "backup", str(tmp_path / "b.tar"))
    server.make_database()
    with server.database.open("r+b") as file:
        file.seek(10 * 4096)
        file.write(b"damaged!" * 512)
    assert "damaged" in refused(server, "backup", str(tmp_path / "b.tar"))
    assert [*tmp_path.iterdir()] == []


def test_a_backup_for_which_there_is_no_room_leaves_nothing(configured, tmp_path) -> None:
    """Neither for the copy of the database, nor for the archive."""
    server = configured()
    server.make_database()
    env = {name: value for name, value in server.env.items() if not name.startswith("COVERAGE")}  # a file as well
    for limit in (100_000, server.database.stat().st_size + 2000):
        command = ["prlimit", f"--fsize={limit}", BIN / "flask", "backup", tmp_path / "b.tar"]
        ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
        assert "The copy cannot be made" in ran.stderr or f"{tmp_path}/b.tar: " in ran.stderr
        assert [*tmp_path.iterdir()] == []


def test_a_backup_of_a_newer_version_is_not_restored(made, configured, tmp_path) -> None:
    server, _ = made
    with closing(sqlite3.connect(server.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
        connection.commit()
    server.flask("backup", str(tmp_path / "newer.tar"))
    assert "of a newer Parlance" in refused(configured(), "restore", str(tmp_path / "newer.tar"))
