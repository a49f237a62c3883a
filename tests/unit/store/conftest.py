"""What the tests of the stores share."""

from collections.abc import Iterator

import pytest
from sqlalchemy import insert
from support.database import ask, new_database, new_postgres_database, new_store

from app.engine.conversation import ConversationRef
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.tables import users


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path) -> Iterator[Database]:
    """Of each kind in turn. Files whose tests are about SQLite's file have a fixture of this name of their own."""
    if request.param == "sqlite":
        yield new_database(tmp_path)
        return
    with new_postgres_database() as made:
        yield made


@pytest.fixture
def conversations(database) -> ConversationStore:
    return new_store(database)


@pytest.fixture
def six(conversations, database) -> list[str]:
    """The ids of conversations that were created at 10, 20, 30 … and were last active in the opposite order; every
    second one is bob's."""
    made = []
    for number in range(1, 7):
        ref = ConversationRef("demo", "widget", "key:1", f"s{number}", end_user="bob" if number % 2 == 0 else "ada")
        made.append(ask(conversations, ref, **{f"q{number}": f"{number}"})[0])
        times = f"created_at = {number * 10}, updated_at = {1000 - number}"
        query = f"UPDATE conversations SET {times} WHERE id = '{made[-1]}'"
        database.write(lambda connection, query=query: connection.exec_driver_sql(query))
    return made


@pytest.fixture
def ada(database) -> str:
    """A user's id; making one as people do would hash a password."""
    return _user(database, "ada")


@pytest.fixture
def bob(database) -> str:
    return _user(database, "bob")


def _user(database: Database, name: str) -> str:
    row = {"id": name, "email": f"{name}@example.com", "name": name, "password": "", "created_at": 0}
    database.write(lambda connection: connection.execute(insert(users).values(row)))
    return name
