"""What signing in costs, which must not tell whether there is such a user; and what ends it while it goes on."""

import time
from collections.abc import Callable

import gevent
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update
from support.database import SQLITE_ONLY
from support.storage import locked

from app.engine.errors import ChatError, Problem, StoreError
from app.store.database import Database
from app.store.tables import sessions, users
from app.store.users import RENEWAL_MILLISECONDS, RENEWAL_SECONDS, UserStore


@pytest.fixture(autouse=True)
def ada(database: Database) -> None:
    UserStore(database).create("ada@example.com", "correct horse")


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


@pytest.mark.parametrize(
    "end",
    [
        lambda store: store.disable("ada@example.com"),
        lambda store: store.set_password("ada@example.com", "battery staple"),
    ],
    ids=["disabled", "a new password"],
)
def test_what_ends_all_sessions_ends_those_too_whose_password_is_just_being_compared(
    database: Database, end: Callable[[UserStore], bool]
) -> None:
    store, operators = UserStore(database), UserStore(database)
    signing_in = [gevent.spawn(store.sign_in, "ada@example.com", "correct horse") for _ in range(5)]  # two at a time
    gevent.sleep(0)
    assert end(operators)
    gevent.wait(signing_in)
    refused = [each.exception for each in signing_in if not each.successful()]
    assert refused, "some came too late"
    assert {each.problem for each in refused} == {Problem.UNAUTHORIZED}
    query = select(func.count()).select_from(sessions)
    assert database.read(lambda connection: connection.execute(query).scalar_one()) == 0


def test_a_hash_of_other_costs_is_renewed_when_its_user_signs_in(database: Database) -> None:
    store, old = UserStore(database), PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse")

    def stored() -> str:
        return str(database.read(lambda connection: connection.execute(select(users.c.password)).scalar_one()))

    before = store.sign_in("ada@example.com", "correct horse")
    database.write(lambda connection: connection.execute(update(users).values(password=old)))
    with pytest.raises(ChatError):
        store.sign_in("ada@example.com", "wrong horse")
    assert stored() == old
    after = store.sign_in("ada@example.com", "correct horse")
    renewed = stored()
    assert renewed != old
    assert not PasswordHasher().check_needs_rehash(renewed)
    assert [store.session(each.token) is not None for each in (before, after)] == [True, True]
    store.sign_in("ada@example.com", "correct horse")
    assert stored() == renewed
    database.write(lambda connection: connection.execute(update(users).values(password=old)))
    together = [gevent.spawn(store.sign_in, "ada@example.com", "correct horse") for _ in range(3)]
    gevent.joinall(together, raise_error=True)


def test_who_signs_in_with_an_old_hash_where_nothing_can_be_stored_is_told_so_after_one_try(database: Database) -> None:
    store, old = UserStore(database), PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse")
    database.write(lambda connection: connection.execute(update(users).values(password=old)))
    database.write(lambda connection: connection.exec_driver_sql("ALTER TABLE sessions RENAME TO moved"))
    with pytest.raises(StoreError):
        store.sign_in("ada@example.com", "correct horse")


def test_signing_out_ends_all_sessions_whose_tokens_are_shown_and_no_other(database: Database) -> None:
    store = UserStore(database)
    tokens = [store.sign_in("ada@example.com", "correct horse").token for _ in range(3)]
    store.sign_out(*tokens[:2], "none")
    assert [store.session(token) is not None for token in tokens] == [False, False, True]


def test_a_password_that_is_changed_while_its_hash_is_renewed_stays_changed(database: Database) -> None:
    store, operators = UserStore(database), UserStore(database)
    old = PasswordHasher(time_cost=1, memory_cost=1024).hash("correct horse")
    database.write(lambda connection: connection.execute(update(users).values(password=old)))
    signing_in = [gevent.spawn(store.sign_in, "ada@example.com", "correct horse") for _ in range(5)]
    gevent.sleep(0)
    assert operators.set_password("ada@example.com", "battery staple")
    gevent.wait(signing_in)
    assert operators.sign_in("ada@example.com", "battery staple")
    with pytest.raises(ChatError):
        operators.sign_in("ada@example.com", "correct horse")


@SQLITE_ONLY
def test_a_session_whose_renewal_cannot_be_stored_is_a_session_all_the_same_and_is_renewed_later(database) -> None:
    store = UserStore(database)
    token = store.sign_in("ada@example.com", "correct horse").token
    nearly_over = update(sessions).values(expires_at=sessions.c.expires_at - 2 * RENEWAL_MILLISECONDS)
    database.write(lambda connection: connection.execute(nearly_over))
    with locked(database.file):
        begun = time.monotonic()
        found = store.session(token)
        assert time.monotonic() - begun < RENEWAL_SECONDS + 0.5
    assert found
    assert (found.user.email, found.renewed) == ("ada@example.com", False)
    again = store.session(token)
    assert again
    assert again.renewed
    assert again.expires_at > found.expires_at
