"""Processes on hosts of their own, which end, stand still, and go on: who is buried, and who is not."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.database import ask, rows, write_locked
from support.fakes import problem_of

from app.engine.conversation import ConversationRef
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.workers import Worker
from app.testing.server import eventually

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")
STATES = "SELECT id, status, worker IS NULL FROM messages WHERE role = 'assistant' ORDER BY id"

PROCESS = """
import itertools
import sys
import time
from pathlib import Path
from app.engine.errors import StoreError
from app.store.beats import Beats, BuriedError
from app.store.database import Database
from app.store.workers import Worker

worker = Worker(Path(sys.argv[2]), has_row=True)
worker.claim()
beats = Beats(Database(sys.argv[1]), worker, lambda: 10 * time.monotonic())  # everything ten times as fast
print(worker.id, flush=True)
for number in itertools.count():
    try:
        for dead in beats.look() if number % 5 else beats.beat():
            print("dead", dead, flush=True)
    except BuriedError:
        worker.renew()
        print("buried", flush=True)
    except StoreError as error:
        pass
    time.sleep(0.1)
"""


@contextmanager
def process(database: Database, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Worker]]:
    """Another host's, which only beats; its worker may be used to make answers with."""
    command = [sys.executable, "-c", PROCESS, database.url, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        worker = Worker(folder, has_row=True)
        worker.id, worker._lock = started.stdout.readline().strip(), -1  # which that process holds
        try:
            yield started, worker
        finally:
            started.kill()


def test_processes_bury_who_was_killed_and_who_stood_still_and_nobody_when_the_database_did(database, tmp_path) -> None:
    with (
        process(database, tmp_path / "a") as (stopped, a),
        process(database, tmp_path / "b") as (lives, b),
        process(database, tmp_path / "c") as (killed, c),
    ):
        stores = [ConversationStore(database, each) for each in (a, b, c)]
        conversations = [
            ask(store, ConversationRef("demo", "widget", "key:1", name), answer=name, **{f"q{name}": "x"})[0]
            for store, name in zip(stores, "abc", strict=True)
        ]
        eventually(lambda: min(beats for (beats,) in rows(database, "SELECT beats FROM workers")) > 1)
        with write_locked(database, "workers"):
            time.sleep(3)
        time.sleep(1)
        assert [state for _, state, _ in rows(database, STATES)] == ["running"] * 3
        killed.kill()
        stopped.send_signal(signal.SIGSTOP)
        assert lives.stdout
        assert {lives.stdout.readline() for _ in range(2)} == {f"dead {each.id}\n" for each in (a, c)}
        stopped.send_signal(signal.SIGCONT)
        assert stopped.stdout
        assert stopped.stdout.readline() == "buried\n"
        assert problem_of(lambda: stores[0].add_answer(conversations[0], "a", ANSWER)) is Problem.LOST
        stores[1].add_answer(conversations[1], "b", ANSWER)
    assert rows(database, STATES) == [("a", "interrupted", 1), ("b", "complete", 0), ("c", "interrupted", 1)]
