"""What signing in costs, which must not tell whether there is such a user."""

import time
from pathlib import Path

import pytest

from app.engine.errors import ChatError
from app.store.database import Database
from app.store.schema import upgrade
from app.store.users import UserStore


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(f"sqlite:///{tmp_path / 'parlance.db'}")
    upgrade(made)
    UserStore(made).create("ada@example.com", "correct horse")
    return made


def cost(store: UserStore, email: str) -> float:
    """The computing time of all threads, which other programs do not change."""
    before = time.process_time()
    with pytest.raises(ChatError):
        store.sign_in(email, "wrong horse")
    return time.process_time() - before


def test_a_wrong_password_and_an_unknown_user_cost_the_same_from_the_first_on(database) -> None:
    known = UserStore(database)
    cost(known, "ada@example.com")
    usual = min(cost(known, "ada@example.com") for _ in range(3))
    first = min(cost(UserStore(database), "bob@example.com") for _ in range(3))
    assert usual / 1.5 < first < usual * 1.5
