"""Whose secret a database knows, which it never holds."""

import pytest
from support.database import SQLITE_ONLY, rows

from app.engine.errors import StoreError
from app.store.installation import check_secret, forget_secret

SECRET, ANOTHER = "s" * 32, "t" * 32


def test_a_database_belongs_to_the_secret_that_it_was_first_used_with(database) -> None:
    for _ in range(2):
        assert check_secret(database.url, SECRET, keep=True)
    for keep in (True, False):
        assert not check_secret(database.url, ANOTHER, keep=keep)
        assert check_secret(database.url, SECRET, keep=keep)
    assert len(rows(database, "SELECT * FROM installation")) == 1


@SQLITE_ONLY
def test_one_that_need_not_keep_it_in_mind_belongs_to_any(database) -> None:
    for secret in (SECRET, ANOTHER):
        assert check_secret(database.url, secret, keep=False)
    assert rows(database, "SELECT * FROM installation") == []


def test_once_it_is_forgotten_the_next_is_the_installations(database) -> None:
    check_secret(database.url, SECRET, keep=True)
    database.write(forget_secret)
    assert check_secret(database.url, ANOTHER, keep=True)
    assert not check_secret(database.url, SECRET, keep=True)


@SQLITE_ONLY
def test_the_database_holds_nothing_of_the_secret(database) -> None:
    check_secret(database.url, SECRET, keep=True)
    database.checkpoint()
    assert SECRET.encode() not in database.file.read_bytes()


@SQLITE_ONLY
def test_a_database_that_cannot_be_used_is_a_fault_of_the_store(database) -> None:
    database.file.unlink()
    with pytest.raises(StoreError):
        check_secret(database.url, SECRET, keep=True)
