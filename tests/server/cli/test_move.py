"""`flask move`: from SQLite to PostgreSQL, and what it refuses."""

from collections.abc import Iterator

import pytest

from app.store.schema import why_not_prepared
from app.store.urls import database_url
from app.testing.postgres import shared_postgres
from app.testing.server import Server


@pytest.fixture
def url() -> Iterator[str]:
    """Of a database in which there is nothing yet."""
    server = shared_postgres()
    name = server.new_database("template1")
    yield server.url(name)
    server.drop(name)


def refused(server: Server, *command: str, status: int = 1) -> str:
    """The last line of a command that fails."""
    ran = server.flask("move", *command, check=False)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert "correct-horse" not in ran.stderr
    return ran.stderr.splitlines()[-1]


def test_what_was_said_on_sqlite_is_there_on_postgresql_with_keys_and_budgets(tmp_path, url) -> None:
    with Server(tmp_path / "before") as before:
        key = before.key("secret", "open", "--credits", "3")
        asked = before.flask("keys", "list").stdout
        assert f"{before.database}.lock" not in asked
        line = refused(before, str(before.database), url)
        assert line == f"Error: A server runs with {before.database}: stop it first."
        before.stop()
        moved = before.flask("move", str(before.database), url)
    assert dict(line.split("\t") for line in moved.stdout.splitlines())["keys"] == "1"
    assert "keys: 1 of 1\n" in moved.stderr
    assert "correct-horse" not in moved.stdout + moved.stderr
    with Server(tmp_path / "after", env={"DATABASE_URL": url}) as after:
        assert after.flask("keys", "list").stdout == asked
        assert key
        line = refused(after, str(before.database), url)
        assert line.endswith(": stop it first.")
        assert line.startswith("Error: A server runs with postgresql://parlance@127.0.0.1:")


def test_what_cannot_be_moved_is_refused_in_a_line(prepared, tmp_path, url) -> None:
    file = str(prepared.database)
    assert "does not exist" in refused(prepared, str(tmp_path / "nothing.db"), url, status=2)
    other = tmp_path / "text.db"
    other.write_text("text")
    assert f"{other}: damaged" in refused(prepared, str(other), url)
    assert refused(prepared, file, "sqlite:////tmp/x.db", status=2) == "Error: POSTGRES_URL is one of SQLite."
    assert "SQLite and PostgreSQL can be used" in refused(prepared, file, "mysql://a:correct-horse@h/d", status=2)
    unreachable = "postgres://ada:correct-horse@127.0.0.1:1/d"
    assert "postgresql://ada@127.0.0.1:1/d: cannot be reached" in refused(prepared, file, unreachable)
    assert why_not_prepared(database_url(url)).endswith("run `flask prepare`"), "nothing was written"
