"""The checker finds what it is there for: each kind of loss is made by hand, and told."""

import sqlite3
from pathlib import Path

import pytest
from support.wires import Workers
from torture.checker import faults
from torture.workload import Asked, Ledger

from app.testing.records import ServerRecords
from app.testing.server import empty_database

MADE = """
INSERT INTO keys (id, kind, agent, name, hash, origins, require_origin, created_at, credits, spent)
    VALUES ('k', 'secret', 'open', '', 'h', '[]', 0, 0, 100, 3);
INSERT INTO conversations (id, agent, channel, owner, created_at, updated_at)
    VALUES ('c', 'open', 'workers', 'key:k', 0, 0);
INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at, feedback, credits) VALUES
    ('q', 'c', 1, 'user', '[{"type": "text", "text": "question"}]', 'complete', 0, NULL, NULL),
    ('a', 'c', 2, 'assistant', '[{"type": "text", "text": "answer"}]', 'complete', 0, 'positive', 3);
INSERT INTO users (id, email, name, password, created_at) VALUES ('u', 'e', 'n', 'p', 0);
INSERT INTO things (id, user_id, name, content) VALUES (7, 'u', 'n', '');
"""
AGAIN = """INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at)
    SELECT id || '2', conversation_id, sequence + 2, role, parts, status, created_at FROM messages"""
HARM = {
    "nothing": ("SELECT 1", ""),
    "a question": ("DELETE FROM messages WHERE id = 'q'", "the question is stored 0 times"),
    "a question twice": (f"{AGAIN} WHERE id = 'q'", "the question is stored 2 times"),
    "an answer": ("DELETE FROM messages WHERE id = 'a'", "the answer is not stored"),
    "an answer's text": ("UPDATE messages SET parts = '[]' WHERE id = 'a'", "the answer is not stored"),
    "an answer's status": ("UPDATE messages SET status = 'failed' WHERE id = 'a'", "the answer is not stored"),
    "an answer twice": (f"{AGAIN} WHERE id = 'a'", "a second answer"),
    "an answer that runs": ("UPDATE messages SET status = 'running' WHERE id = 'a'", "a is running"),
    "a chat": ("UPDATE conversations SET id = 'd'; UPDATE messages SET conversation_id = 'd'", "c is not there"),
    "a thing": ("DELETE FROM things", "7 is not there"),
    "a rating": ("UPDATE messages SET feedback = NULL", "the rating of msg_a is not there"),
    "a hold": ("UPDATE messages SET held = 3 WHERE id = 'a'", "3 credits are held"),
    "credits": ("UPDATE keys SET spent = 6", "has spent 6, its answers cost 3"),
}


@pytest.mark.parametrize("name", HARM)
def test_each_loss_is_found(tmp_path: Path, name: str) -> None:
    records = ServerRecords()
    records.database = tmp_path / "parlance.db"
    records.database.write_bytes(empty_database())
    harm, told = HARM[name]
    with sqlite3.connect(records.database) as connection:
        connection.executescript(MADE)
        connection.executescript(harm)
    connection.close()
    asked = [Asked(Workers(), "question", "answer", begun=True, ended=True)]
    found = faults(records, Ledger(asked, chats=["c"], things=[7], rated=["msg_a"]))
    assert bool(found) == bool(told), found
    assert told in str(found)
