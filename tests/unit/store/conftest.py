"""What the tests of the stores share."""

import pytest
from support.database import new_database

from app.store.conversations import ConversationStore
from app.store.database import Database


@pytest.fixture
def database(tmp_path) -> Database:
    return new_database(tmp_path)


@pytest.fixture
def conversations(database) -> ConversationStore:
    return ConversationStore(database)
