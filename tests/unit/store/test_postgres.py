"""PostgreSQL as it fails: restarted, stopped, frozen, locked, read-only. Every wait has an end, and what comes after a
fault works."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import gevent
import psycopg
import pytest
from sqlalchemy import Connection, make_url
from support.database import ask, new_store
from support.proxy import lie, proxy

from app.engine.errors import Problem, StoreError
from app.store.database import READERS, WRITERS, Database
from app.store.faults import LOCKED, NO_ANSWER, OTHER_VERSION, READ_ONLY, UNREACHABLE, for_operators
from app.store.lanes import CALL_SECONDS
from app.store.owning import own_postgres
from app.store.postgres import ANSWER_SECONDS, CONNECT_SECONDS, LOCK_SECONDS, STATEMENT_SECONDS
from app.store.readiness import Readiness
from app.store.schema import upgrade, version_problem, why_not_prepared
from app.store.urls import database_url
from app.testing.postgres import Postgres, read_only
from app.testing.server import eventually

pytestmark = pytest.mark.timed


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One that may be ended."""
    with Postgres() as running:
        yield running


@pytest.fixture
def database(postgres) -> Iterator[Database]:
    with postgres.database() as name:
        yield Database(database_url(postgres.url(name)))


def name_of(database: Database) -> str:
    return str(make_url(database.url).database)


def one(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT 1").scalar_one())


def sleep(seconds: float):
    return lambda connection: connection.exec_driver_sql(f"SELECT pg_sleep({seconds})")


def refused(database: Database, work, *, writes: bool = False) -> tuple[StoreError, float]:
    """Why, and after how long."""
    begun = time.monotonic()
    with pytest.raises(StoreError) as error:
        (database.write if writes else database.read)(work)
    return error.value, time.monotonic() - begun


def all_connected(database: Database) -> None:
    for use, number in ((database.read, READERS), (database.write, WRITERS)):
        gevent.joinall([gevent.spawn(use, sleep(0.1)) for _ in range(number)], raise_error=True)


@pytest.mark.parametrize("at_once", [True, False])
def test_after_a_restart_the_first_call_works_on_every_connection(postgres, database, at_once) -> None:
    all_connected(database)
    postgres.stop(at_once=at_once)
    postgres.start()
    all_connected(database)
    assert (database.reading.reason, database.writing.reason) == (None, None)


def test_while_it_is_stopped_everything_is_refused_soon_and_afterwards_nothing(postgres, database) -> None:
    all_connected(database)
    postgres.stop()
    try:
        for writes in (False, True):
            error, seconds = refused(database, one, writes=writes)
            assert (error.problem, error.reason, error.uncertain) == (Problem.STORE_UNAVAILABLE, UNREACHABLE, False)
            assert seconds < CONNECT_SECONDS + 1
        assert Readiness(database).problem() == UNREACHABLE
        why = why_not_prepared(database.url)
        assert why.startswith(
            f"postgresql://parlance@127.0.0.1:{postgres.port}/{name_of(database)}: cannot be reached ("
        )
        assert "Connection refused" in why
        assert "correct-horse" not in why
        assert "\n" not in why
    finally:
        postgres.start()
    assert (database.read(one), database.write(one)) == (1, 1)


def test_a_connection_that_is_cut_in_mid_work_fails_that_call_alone(postgres, database) -> None:
    def cut(connection: Connection) -> None:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
        one(connection)

    for writes in (False, True):
        error, _ = refused(database, cut, writes=writes)
        assert (error.reason, error.uncertain) == (UNREACHABLE, False)
    assert (database.read(one), database.write(one)) == (1, 1)


def test_what_is_no_answer_of_a_postgresqls_fails_that_call_alone(postgres, database) -> None:
    """The way to it has lost a piece of what it said, or something else has the port by now."""
    with proxy(postgres.port) as way:
        astray = Database(database.url.replace(f":{postgres.port}/", f":{way.port}/"))
        for use, writes in ((astray.read, False), (astray.write, True)):
            assert use(one) == 1
            way.answer = lie(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            error, seconds = refused(astray, one, writes=writes)
            assert (error.problem, error.reason) == (Problem.STORE_UNAVAILABLE, UNREACHABLE)
            assert seconds < 1
            way.mend()
            assert use(one) == 1


def test_a_server_that_stands_still_holds_nobody_for_long(postgres, database) -> None:
    """Its kernel still takes what is sent. Who waits for it is let go by the driver, who comes later by the lane."""
    all_connected(database)
    pids: list[int] = []

    def freeze(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
        pids.extend(postgres.pids())
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    committing = gevent.spawn(refused, database, freeze, writes=True)
    eventually(lambda: pids or gevent.sleep(0.01))
    others = [gevent.spawn(refused, database, one, writes=number % 2 == 0) for number in range(20)]
    try:
        gevent.joinall([committing, *others], timeout=ANSWER_SECONDS + 5, raise_error=True)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    error, seconds = committing.value
    assert error.uncertain, "whether it has committed is not known"
    assert ANSWER_SECONDS - 1 < seconds < ANSWER_SECONDS + 1
    assert {error.reason for error, _ in (each.value for each in others)} <= {NO_ANSWER, f"{NO_ANSWER} within 5 s"}
    assert max(seconds for _, seconds in (each.value for each in others)) < ANSWER_SECONDS + 2
    assert sorted(seconds for _, seconds in (each.value for each in others))[9] < CALL_SECONDS + 1
    assert (database.read(one), database.write(one)) == (1, 1)


def test_a_statement_and_a_lock_are_waited_for_so_long_and_no_longer(postgres, database) -> None:
    error, seconds = refused(database, sleep(60))
    assert (error.reason, error.uncertain) == (NO_ANSWER, False)
    assert STATEMENT_SECONDS - 0.5 < seconds < STATEMENT_SECONDS + 2
    with postgres.connect(name_of(database)) as outside, outside.transaction(force_rollback=True):
        outside.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
        assert database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()) == 0
        error, seconds = refused(database, lambda c: c.exec_driver_sql("DELETE FROM messages"), writes=True)
    assert error.reason == LOCKED
    assert LOCK_SECONDS - 0.5 < seconds < LOCK_SECONDS + 2


def test_no_other_greenlet_waits_for_the_server(database) -> None:
    ticks: list[float] = []

    def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            gevent.sleep(0.01)

    ticker = gevent.spawn(tick)
    gevent.joinall([gevent.spawn(use, sleep(0.5)) for use in (database.read, database.write)], raise_error=True)
    ticker.kill()
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.25
    assert len(ticks) > 10


def test_a_greenlet_that_is_killed_leaves_its_connection_as_it_should_be(database) -> None:
    store = new_store(database)
    for number in range(20):
        asking = gevent.spawn(ask, store, answer=f"a{number}", **{f"q{number}": "x"})
        gevent.sleep(number / 1000)
        asking.kill()
        assert database.write(one) == 1
    found = database.read(lambda c: c.exec_driver_sql("SELECT role, count(*) FROM messages GROUP BY role").all())
    assert len({count for _, count in found}) <= 1, "questions come with their answers' rows"


def test_tests_make_it_read_only_although_those_who_are_sent_away_come_back_at_once(postgres, database) -> None:
    url, over = postgres.url(name_of(database)), threading.Event()

    def come_back() -> None:
        while not over.is_set():
            with suppress(psycopg.Error), psycopg.connect(url) as connection:
                while not over.wait(0.001):
                    connection.execute("SELECT 1")

    with ThreadPoolExecutor(6) as pool:
        back = [pool.submit(come_back) for _ in range(6)]
        try:
            for _ in range(3):
                with read_only(url), psycopg.connect(url) as connection:
                    (shown,) = connection.execute("SHOW default_transaction_read_only").fetchone()
                    assert shown == "on"
        finally:
            over.set()
        assert [each.result() for each in back] == [None] * 6


def test_a_database_that_may_not_be_written_is_read_and_told_so(postgres, database) -> None:
    readiness = Readiness(database)
    assert readiness.problem() is None
    with read_only(postgres.url(name_of(database))):
        assert database.read(one) == 1
        error, _ = refused(database, lambda c: c.exec_driver_sql("DELETE FROM messages"), writes=True)
        assert error.reason == READ_ONLY
        gevent.sleep(1)
        assert readiness.problem() == READ_ONLY
    ask(new_store(database), q="x")
    gevent.sleep(1)
    assert readiness.problem() is None


def test_two_who_prepare_an_empty_database_at_once_do_so_one_after_the_other(postgres) -> None:
    name = postgres.new_database("template1")
    url = database_url(postgres.url(name))
    assert why_not_prepared(url).endswith(f": {OTHER_VERSION}")
    preparing = "from app.store.database import Database; from app.store.schema import upgrade; import sys"
    program = f"{preparing}; upgrade(Database(sys.argv[1]))"
    started = [subprocess.Popen([sys.executable, "-c", program, url], cwd=Path(__file__).parents[3]) for _ in range(3)]
    assert [each.wait(60) for each in started] == [0, 0, 0]
    assert why_not_prepared(url) is None
    assert Database(url).read(version_problem) is None


def test_a_database_that_cannot_hold_every_text_is_not_prepared(postgres) -> None:
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0")
    url = database_url(postgres.url("latin"))
    with pytest.raises(StoreError) as error:
        upgrade(Database(url))
    assert for_operators(error.value, "db") == (
        "db: of the encoding LATIN1: make one with ENCODING 'UTF8' TEMPLATE template0"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "hunter2"}, "password authentication failed"),
        ({"username": "nobody"}, "password authentication failed"),
        ({"database": "nosuch"}, 'database "nosuch" does not exist'),
        ({"port": 1}, "Connection refused"),
        ({"host": "nosuch.invalid"}, "nosuch.invalid"),
    ],
    ids=str,
)
def test_why_there_is_no_connection_is_told_in_a_line_in_the_drivers_words(database, change, words) -> None:
    url = make_url(database.url).set(**change)
    why = why_not_prepared(url.render_as_string(hide_password=False))
    assert words in why
    assert "hunter2" not in why
    assert "\n" not in why


def test_it_is_one_process_at_a_time_that_owns_a_database(database) -> None:
    owner = own_postgres(database.url)
    assert own_postgres(database.url) is None
    letting_go = gevent.spawn_later(0.3, owner.close)
    assert gevent.get_hub().threadpool.apply(own_postgres, (database.url, 5)).close() is None
    letting_go.join()


def test_nothing_of_a_database_stays_open_that_nobody_has_any_more(postgres) -> None:
    with postgres.database() as name:
        database = Database(database_url(postgres.url(name)))
        all_connected(database)

        def connected() -> int:
            query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
            with postgres.connect("postgres") as connection:
                return int(str(connection.execute(query).fetchone()[0]))

        assert connected() == READERS + WRITERS
        del database
        eventually(lambda: connected() == 0)
