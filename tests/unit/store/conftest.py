"""What the tests of the stores share."""

import pytest
from sqlalchemy import insert
from support.database import new_database, new_store

from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.tables import users


@pytest.fixture
def database(tmp_path) -> Database:
    return new_database(tmp_path)


@pytest.fixture
def conversations(database) -> ConversationStore:
    return new_store(database)


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
