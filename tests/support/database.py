"""Databases of tests that need no server."""

import uuid
from pathlib import Path

from sqlalchemy import delete, text

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import text_message
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.tables import messages
from app.store.unstored import RetryingStore
from app.store.workers import Worker
from app.testing.server import empty_database

REF = ConversationRef("demo", "widget", "key:1", "session-1")


def new_database(folder: Path) -> Database:
    """With all its tables, in a file of its own."""
    path = folder / "parlance.db"
    path.write_bytes(empty_database())
    return Database(f"sqlite:///{path}")


def new_store(database: Database) -> ConversationStore:
    """Of a worker of its own, whose files lie beside the database."""
    return ConversationStore(database, Worker(Path(database.url.removeprefix("sqlite:///")).parent / "workers"))


def rows(database: Database, query: str) -> list[tuple]:
    return [tuple(row) for row in database.read(lambda connection: connection.execute(text(query)).all())]


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
