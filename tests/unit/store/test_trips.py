"""How often a thread that writes waits for PostgreSQL, and what becomes of what it did not wait for."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress

import gevent
import psycopg
import pytest
from sqlalchemy import Connection, delete, insert, select, text
from sqlalchemy.exc import IntegrityError
from support.database import REF, new_store

from app.engine.conversation import Charge, QuestionEntry, RequestKey, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Usage, text_message
from app.store.database import WRITERS, Database
from app.store.keys import KeyStore
from app.store.tables import keys
from app.store.trips import unanswered

WIDGET_KEY = {
    "id": "k",
    "kind": "widget",
    "agent": "demo",
    "name": "",
    "hash": "h",
    "origins": [],
    "require_origin": False,
    "created_at": 0,
}


@pytest.fixture(params=["postgresql"])
def database(database) -> Database:
    return database


@pytest.fixture
def trips(database, tmp_path) -> Iterator[Callable[..., int]]:
    """How many answers of the server a call waits for that writes, by libpq's own record."""
    record = tmp_path / "trace"

    def counted(call: Callable[..., object], *values: object) -> int:
        before = record.read_text().count("ReadyForQuery")
        call(*values)
        return record.read_text().count("ReadyForQuery") - before

    with record.open("ab", buffering=0) as file:
        _of_each_writer(database, lambda connection: connection.trace(file.fileno()))
        yield counted
        _of_each_writer(database, lambda connection: connection.untrace())


def _of_each_writer(database: Database, call: Callable[[psycopg.pq.PGconn], None]) -> None:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_sleep(0.1)")  # meanwhile the others take the other threads
        call(connection.connection.driver_connection.pgconn)

    gevent.joinall([gevent.spawn(database.write, work) for _ in range(WRITERS)], raise_error=True)


@pytest.mark.parametrize(
    ("budgeted", "with_key", "costs"),
    [(False, False, [2, 2, 4, 2]), (True, False, [3, 2, 5, 2]), (True, True, [5, 2, 7, 2])],
)
def test_a_turn_takes_so_many_trips(database, trips, budgeted, with_key, costs) -> None:
    store, charge = new_store(database), None
    if budgeted:
        key = KeyStore(database)
        charge = Charge(key.find(key.create("secret", "demo", budget=1000).encode()).id, 10)
    counted, ids = [], []
    for number in range(2):
        known = RequestKey(f"{number}", "f") if with_key else None
        question = {uuid.uuid4().hex: text_message("user", "Hello?")}
        entry = QuestionEntry(
            REF, question, 20, f"a{number}", rewind=Rewind("repeat"), charge=charge, request_key=known
        )
        answer = AnswerRecord(text_message("assistant", "Hello."), "complete", "stop", Usage(1, 1), "m", 3)
        counted.append(trips(store.add_question, entry, ids.append))
        counted.append(trips(store.add_answer, ids[0], entry.answer_id, answer, charge))
    assert counted == costs, "of a first question, its answer, a second, and that one's"


def test_several_rows_go_in_one_trip_with_the_commit(database, trips) -> None:
    rows = [{**WIDGET_KEY, "id": f"{number}", "hash": f"{number}"} for number in range(50)]
    assert trips(database.write, lambda c: c.execute(unanswered(insert(keys)), rows)) == 1
    assert len(KeyStore(database).all()) == 50


def test_what_was_not_waited_for_fails_with_the_next_statement_or_the_commit_and_nothing_stays(database) -> None:
    def pid(connection: Connection) -> int:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    def twice(connection: Connection, *, then_asks: bool) -> None:
        pids.add(pid(connection))
        for _ in range(2):
            connection.execute(unanswered(insert(keys)), WIDGET_KEY)
        connection.execute(unanswered(delete(keys).where(keys.c.id == "other")))
        if then_asks:
            connection.execute(select(keys.c.id)).all()
            pytest.fail("a statement before it has failed")

    pids: set[int] = set()
    for then_asks in (True, False) * 6:
        with pytest.raises(IntegrityError, match="pk_keys"):
            database.write(lambda c, then_asks=then_asks: twice(c, then_asks=then_asks))
    assert KeyStore(database).all() == []
    pids |= {database.write(pid) for _ in range(8)}
    assert len(pids) <= WRITERS, "no connection is given up for it"


def test_the_works_own_error_is_raised_though_what_it_did_not_wait_for_fails_too(database) -> None:
    def work(connection: Connection) -> None:
        for _ in range(2):
            connection.execute(unanswered(insert(keys)), WIDGET_KEY)
        raise ChatError(Problem.BUSY)

    for _ in range(WRITERS + 1):
        with pytest.raises(ChatError) as error:
            database.write(work)
        assert error.value.problem is Problem.BUSY
    database.write(lambda c: c.execute(insert(keys), WIDGET_KEY))
    with suppress(IntegrityError):
        database.write(lambda c: c.execute(unanswered(insert(keys)), WIDGET_KEY))
    assert [key.id for key in KeyStore(database).all()] == ["k"]
