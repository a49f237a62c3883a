"""Databases of tests that need no server."""

from pathlib import Path

from sqlalchemy import text

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import text_message
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.testing.server import empty_database

REF = ConversationRef("demo", "widget", "key:1", "session-1")


def new_database(folder: Path) -> Database:
    """With all its tables, in a file of its own."""
    path = folder / "parlance.db"
    path.write_bytes(empty_database())
    return Database(f"sqlite:///{path}")


def rows(database: Database, query: str) -> list[tuple]:
    return [tuple(row) for row in database.read(lambda connection: connection.execute(text(query)).all())]


def ask(
    store: ConversationStore, ref: ConversationRef = REF, history: int = 10, **questions: str
) -> tuple[str, list[str]]:
    """The conversation's id, and the texts before the questions (id=text)."""
    ids: list[str] = []
    asked = {message_id: text_message("user", words) for message_id, words in questions.items()}
    stored = store.add_question(QuestionEntry(ref, asked, history), ids.append)
    return ids[0], [message.text for message in stored.messages[: -len(asked)]]
