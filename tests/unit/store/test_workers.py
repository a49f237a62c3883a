"""Which workers live, and what becomes of what dead ones have left."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.database import SQLITE_ONLY, ask, new_store, rows

from app.engine.conversation import ConversationRef
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.conversations import ConversationStore
from app.store.runs import RunStore
from app.store.workers import Worker, bury_dead_workers, watch_workers

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")
MINE = ConversationRef("demo", "widget", "key:1", "mine")
STATES = "SELECT id, status, finish_reason, held, worker IS NULL FROM messages WHERE role = 'assistant' ORDER BY id"


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "workers"


@pytest.fixture
def worker(folder) -> Worker:
    found = Worker(folder)
    found.claim()
    return found


DYING = """
import sys
from pathlib import Path
from app.store.workers import Worker

worker = Worker(Path(sys.argv[1]))
worker.claim()
print(worker.id, flush=True)
sys.stdin.read()
"""


def test_a_worker_is_dead_as_soon_as_its_process_is_and_what_it_left_is_ended(database, folder, worker) -> None:
    command = [sys.executable, "-c", DYING, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        other = Worker(folder)
        other.id = process.stdout.readline().strip()
        other._lock = -1  # what the process holds
        store, runs = ConversationStore(database, other), RunStore(database)
        conversation, _ = ask(store, q1="x", answer="a1")
        runs.begin("a1", conversation, "w", 1)
        ask(ConversationStore(database, worker), MINE, q2="y", answer="a2")
        assert bury_dead_workers(database, worker) is True
        assert rows(database, STATES) == [(each, "running", None, 0, 0) for each in ("a1", "a2")]
        assert runs.find("a1", "key:1").status == "running"
        process.kill()
    assert bury_dead_workers(database, worker) is False
    assert rows(database, STATES) == [("a1", "interrupted", "other", 0, 1), ("a2", "running", None, 0, 0)]
    assert (runs.find("a1", "key:1").status, runs.find("a1", "key:1").ended_at is None) == ("interrupted", False)
    assert [path.name for path in folder.iterdir()] == [worker.id]
    assert ask(new_store(database), q3="z")[1] == ["x", ""]


def test_an_own_answer_is_never_buried(database, worker) -> None:
    ask(ConversationStore(database, worker), q1="x", answer="a1")
    assert bury_dead_workers(database, worker) is False
    assert rows(database, STATES) == [("a1", "running", None, 0, 0)]


def test_a_worker_without_a_file_is_dead_and_its_late_answer_is_refused(database, folder, worker) -> None:
    other = Worker(folder)
    store = ConversationStore(database, other)
    conversation, _ = ask(store, q1="x", answer="a1")
    (folder / other.id).unlink()
    bury_dead_workers(database, worker)
    assert rows(database, STATES) == [("a1", "interrupted", "other", 0, 1)]
    with pytest.raises(Exception, match="The answer was lost"):
        store.add_answer(conversation, "a1", ANSWER)
    assert rows(database, STATES)[0][1] == "interrupted"


def test_a_run_ends_as_its_answer_did_where_its_own_end_could_not_be_stored(database, worker, folder) -> None:
    store, runs = ConversationStore(database, worker), RunStore(database)
    conversation, _ = ask(store, q1="x", answer="a1")
    runs.begin("a1", conversation, "w", 1)
    store.add_answer(conversation, "a1", ANSWER)
    (folder / ("0" * 32)).touch()
    bury_dead_workers(database, worker)
    assert runs.find("a1", "key:1").status == "complete"


def test_what_is_no_workers_file_stays(database, folder, worker) -> None:
    (folder / "README").write_text("mine")
    assert bury_dead_workers(database, worker) is False
    assert (folder / "README").read_text() == "mine"


@SQLITE_ONLY
def test_what_cannot_be_buried_is_told_once_for_each_fault_in_one_line(database, worker, caplog) -> None:
    away = database.file.with_suffix(".away")
    for _ in range(2):
        database.file.rename(away)
        for _ in range(3):
            watch_workers(database, worker)
        away.rename(database.file)
        watch_workers(database, worker)
    told = [record for record in caplog.records if record.name == "app.store.workers"]
    assert [record.getMessage()[:60] for record in told] == [
        "dead workers are not buried yet: missing, or cannot be opene"
    ] * 2
    assert not any(record.exc_info for record in told)
