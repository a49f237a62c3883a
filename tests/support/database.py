"""Databases of tests that need no server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from sqlalchemy import Connection, delete, insert, make_url, text
from support.storage import locked

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import text_message
from app.store.conversations import ConversationStore
from app.store.database import WRITERS, Database
from app.store.tables import messages, metadata
from app.store.unstored import RetryingStore
from app.store.urls import database_url
from app.store.workers import Worker
from app.testing.postgres import shared_postgres
from app.testing.server import empty_database

SQLITE_ONLY = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For tests of SQLite's file, where others have the fixture `database` of each kind."""

REF = ConversationRef("demo", "widget", "key:1", "session-1")


def new_database(folder: Path) -> Database:
    """With all its tables, in a file of its own."""
    path = folder / "parlance.db"
    path.write_bytes(empty_database())
    return Database(f"sqlite:///{path}")


@contextmanager
def new_postgres_database() -> Iterator[Database]:
    """With all its tables, at the tests' own server."""
    server = shared_postgres()
    with server.database() as name:
        yield Database(database_url(server.local_url(name)))


def new_store(database: Database) -> ConversationStore:
    """Of a worker of its own, whose files lie beside those of the database's other workers."""
    file = database.file
    home = file.parent if file else shared_postgres().folder / f"home-{make_url(database.url).database}"
    return ConversationStore(database, Worker(home / "workers"))


@contextmanager
def write_locked(database: Database, table: str = "messages") -> Iterator[None]:
    """Somebody else writes, and leaves nobody else to: in SQLite nowhere, in PostgreSQL not in this table."""
    if database.file:
        with locked(database.file):
            yield
        return
    name = make_url(database.url).database
    with shared_postgres().connect(name) as outside, outside.transaction(force_rollback=True):
        outside.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield


def set_patience(database: Database, milliseconds: int) -> None:
    """Writers wait for a lock for so long."""
    if database.file:  # which has one connection for writing
        database.write(lambda c: c.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}"))
        return

    def shorten(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET lock_timeout = {milliseconds}")
        connection.exec_driver_sql("SELECT pg_sleep(0.2)")

    gevent.joinall([gevent.spawn(database.write, shorten) for _ in range(WRITERS)], raise_error=True)


def rows(database: Database, query: str) -> list[tuple]:
    return [tuple(row) for row in database.read(lambda connection: connection.execute(text(query)).all())]


def plan_of(database: Database, query: str) -> str:
    """How the database goes about it: with which indexes. PostgreSQL, for which tables of tests are too small to need
    one, as if it disliked to read a table whole."""

    def explain(connection: Connection) -> str:
        if database.file:
            return f"{connection.execute(text(f'EXPLAIN QUERY PLAN {query}')).all()}"
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        return f"{connection.execute(text(f'EXPLAIN {query}')).all()}"

    return database.write(explain)


def ask(
    store: ConversationStore | RetryingStore,
    ref: ConversationRef = REF,
    history: int = 10,
    answer: str = "",
    **questions: str,
) -> tuple[str, list[str]]:
    """The conversation's id, and the texts before the questions (id=text).

    The `answer` of this id runs on; without one the conversation is left as one whose questions nobody answers.
    """
    ids: list[str] = []
    asked = {message_id: text_message("user", words) for message_id, words in questions.items()}
    answer_id = answer or uuid.uuid4().hex
    stored = store.add_question(QuestionEntry(ref, asked, history, answer_id), ids.append)
    if not answer:
        forget = delete(messages).where(messages.c.id == answer_id)
        store._database.write(lambda connection: connection.execute(forget))
    return ids[0], [message.text for message in stored.messages[: -len(asked)]]


def counted(database: Database) -> dict[str, int]:
    """How many rows the tables have in which there are any."""
    found = {name: rows(database, f"SELECT count(*) FROM {name}")[0][0] for name in metadata.tables}
    return {name: number for name, number in found.items() if number}


def add_messages(database: Database, conversation: str, first: int, number: int) -> None:
    """With further messages."""
    more = [
        {"id": f"{conversation[:20]}{n}", "conversation_id": conversation, "sequence": n, "role": "user", "parts": []}
        | {"status": "complete", "created_at": 1}
        for n in range(first, first + number)
    ]
    database.write(lambda connection: connection.execute(insert(messages), more))
