"""What must hold when the faults are over and nobody asks: read from the database, from /ready and from /proc."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from support.processes import open_files
from torture.workload import Ledger

from app.testing.records import ServerRecords
from app.testing.server import Server, eventually

QUIET_SECONDS = 20  # for what was going on when the callers stopped


def wait_until_quiet(server: Server) -> None:
    """Return when the server is ready and nothing is under way, nor taken for it. Fails where that does not come."""

    def is_quiet() -> bool:
        status, checks = readiness(server)
        return status == 200 and checks["streams"] == 0 and not list(_running(server))

    eventually(is_quiet, QUIET_SECONDS)


def readiness(server: Server) -> tuple[int, Mapping[str, Any]]:
    """The status of /ready and its checks; status 0 where no answer comes."""
    try:
        response = requests.get(f"{server.url}/ready", timeout=5)
        return response.status_code, response.json()["checks"]
    except (requests.RequestException, ValueError):
        return 0, {}


def can_read(server: Server, secret_key: str) -> bool:
    """Whether who only reads is served."""
    path, headers = "/api/v2/agents/open/conversations", {"Authorization": f"Bearer {secret_key}"}
    return requests.get(f"{server.url}{path}", headers=headers, timeout=5).ok


def faults(server: ServerRecords, ledger: Ledger) -> list[str]:
    """In words, whatever should not be so. Nothing may be under way."""
    return [*ledger.wrong, *_lost(server, ledger), *_doubled(server), *_unsettled(server), *_running(server)]


def _lost(server: ServerRecords, ledger: Ledger) -> Iterator[str]:
    """What was acknowledged and is not there."""
    questions = defaultdict(list)
    answers = {}
    for row in server.rows("SELECT conversation_id, sequence, role, status, parts FROM messages"):
        text = "".join(part["text"] for part in json.loads(row["parts"]) if part["type"] == "text")
        if row["role"] == "user":
            questions[text].append((row["conversation_id"], row["sequence"]))
        elif row["status"] == "complete":
            answers[row["conversation_id"], row["sequence"]] = text
    for asked in ledger.asked:
        places = questions[asked.question]
        if len(places) > 1 or (asked.begun and not places):
            yield f"the question is stored {len(places)} times: {asked}"
        for conversation, sequence in places:
            if asked.ended and answers.get((conversation, sequence + 1)) != asked.answer:
                yield f"the answer is not stored: {asked}"
    for table, made in (("conversations", ledger.chats), ("things", ledger.things)):
        there = {str(row["id"]) for row in server.rows(f"SELECT id FROM {table}")}
        yield from (f"{table}: {each} is not there" for each in made if str(each).replace("-", "") not in there)
    rated = {row["id"] for row in server.rows("SELECT id FROM messages WHERE feedback = 'positive'")}
    yield from (f"the rating of {each} is not there" for each in ledger.rated if each.removeprefix("msg_") not in rated)


def _doubled(server: ServerRecords) -> Iterator[str]:
    """Answers beyond the first to a question."""
    twice = """SELECT conversation_id, sequence FROM messages AS one WHERE role = 'assistant' AND status != 'superseded'
        AND (SELECT role FROM messages WHERE conversation_id = one.conversation_id AND sequence < one.sequence
        AND status != 'superseded' ORDER BY sequence DESC LIMIT 1) != 'user'"""
    yield from (f"a second answer in conversation {row[0]}" for row in server.rows(twice))


def _unsettled(server: ServerRecords) -> Iterator[str]:
    """Keys whose credits are not the sum of what their answers cost, and holds for answers that have ended."""
    spent = """SELECT id, spent, (SELECT coalesce(sum(messages.credits), 0) FROM messages
        JOIN conversations ON conversations.id = conversation_id WHERE owner = 'key:' || keys.id) AS cost
        FROM keys WHERE credits IS NOT NULL"""
    yield from (
        f"key {row[0]} has spent {row[1]}, its answers cost {row[2]}" for row in server.rows(spent) if row[1] != row[2]
    )
    held = server.rows("SELECT id, held, due FROM messages WHERE status != 'running' AND (held != 0 OR due != 0)")
    yield from (f"{row[1]} credits are held and {row[2]} due for {row[0]}, which has ended" for row in held)


def _running(server: ServerRecords) -> Iterator[str]:
    """Answers and runs that the database takes for running."""
    for table in ("messages", "runs"):
        running = server.rows(f"SELECT id FROM {table} WHERE status = 'running'")
        yield from (f"{table}: {row[0]} is running, and nothing runs" for row in running)


def is_sound(server: ServerRecords) -> bool:
    """Whether SQLite finds nothing wrong with the file itself. PostgreSQL's are its own business: nobody kills it."""
    if server.database_url:
        return True
    try:
        sound = server.rows("PRAGMA integrity_check")[0][0] == "ok"
        return sound and not server.rows("PRAGMA foreign_key_check")
    except sqlite3.DatabaseError:
        return False


def other_files(pid: int) -> list[str]:
    """The same without the database: its threads, and so its connections, begin when they are needed, and stay."""
    return [name for name in open_files(pid) if "/parlance.db" not in name]


def children_left(worker_pids: set[int]) -> list[str]:
    """Processes that those workers have started and that still live: the last argument of each is its worker's id."""
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text().rstrip("\0").split("\0")
        except (FileNotFoundError, ProcessLookupError, UnicodeDecodeError):
            continue
        if len(command) > 1 and command[-1].isdigit() and int(command[-1]) in worker_pids and "-c" in command:
            left.append(" ".join(command[-2:]))
    return left
