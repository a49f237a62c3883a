"""Workers of other hosts, whose files are not in this one's folder: who is dead, and what becomes of its answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.database import ask, rows, set_patience, write_locked
from support.fakes import problem_of

from app.engine.conversation import ConversationRef
from app.engine.errors import ChatError, Problem, StoreError
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.beats import Beats, BuriedError, Witness, bury_as_seen
from app.store.checkpoints import Checkpoints
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.runs import RunStore, StepRecord
from app.store.workers import Worker, bury_dead_workers, leave

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")
STATES = "SELECT id, status, worker IS NULL FROM messages WHERE role = 'assistant' ORDER BY id"


@dataclass
class Host:
    """One with a worker, its home folder, and its own time."""

    database: Database
    home: Path
    time: float = 0.0

    def __post_init__(self) -> None:
        self.worker = Worker(self.home / "workers", has_row=True)
        self.worker.claim()
        self.beats = Beats(self.database, self.worker, lambda: self.time)
        self.store = ConversationStore(self.database, self.worker)

    def passes(self, seconds: float, *others: "Host") -> list[str]:
        """Time, in which this host and the others beat as they do; returns whom this one buried."""
        buried = []
        for _ in range(round(seconds)):
            for host in (*others, self):
                host.time += 1
                buried += host.beats.look() if host.time % 5 else host.beats.beat()
        return buried

    def asks(self, answer: str) -> str:
        return ask(
            self.store, ConversationRef("demo", "widget", "key:1", answer), answer=answer, **{f"q{answer}": "x"}
        )[0]


@pytest.fixture
def host(database, tmp_path) -> Callable[[str], Host]:
    return lambda name: Host(database, tmp_path / name)


def test_who_beats_lives_and_who_stands_still_for_the_lease_is_dead(host) -> None:
    a, b = host("a"), host("b")
    a.asks("a1")
    assert a.beats.beat() == b.beats.beat() == []
    assert b.passes(60, a) == []
    assert (b.passes(10), rows(a.database, STATES)) == ([], [("a1", "running", 0)])
    assert (b.passes(1), rows(a.database, STATES)) == ([a.worker.id], [("a1", "interrupted", 1)])
    assert rows(a.database, "SELECT id FROM workers") == [(b.worker.id,)]


def test_a_conversation_of_a_buried_worker_is_free(host) -> None:
    a, b = host("a"), host("b")
    a.asks("a1")
    a.beats.beat()
    with pytest.raises(ChatError, match="still being answered"):
        ask(b.store, ConversationRef("demo", "widget", "key:1", "a1"), answer="b1", q="again")
    b.passes(20)
    ask(b.store, ConversationRef("demo", "widget", "key:1", "a1"), answer="b1", q="again")
    assert rows(a.database, STATES) == [("a1", "interrupted", 1), ("b1", "running", 0)]


def test_who_was_buried_writes_nothing_and_hears_of_it_at_its_next_beat(host) -> None:
    a, b = host("a"), host("b")
    runs = RunStore(a.database)
    conversation = a.asks("a1")
    runs.begin("a1", conversation, "w", 1)
    a.beats.beat()
    b.passes(20)
    assert problem_of(lambda: a.store.add_answer(conversation, "a1", ANSWER)) is Problem.LOST
    runs.add_steps("a1", [StepRecord("s", "complete", 1, 2, "late")])
    runs.end("a1", "complete", None, [StepRecord("t", "complete", 1, 2, "late")])
    assert problem_of(lambda: runs.begin("a1", conversation, "w", 1)) is Problem.LOST
    with pytest.raises(BuriedError):
        a.beats.beat(lambda _: pytest.fail("it saves nothing"))
    assert rows(a.database, STATES) == [("a1", "interrupted", 1)]
    found = runs.find("a1", "key:1")
    assert (found.status, list(found.steps)) == ("interrupted", [])


@dataclass
class Turns:
    """The running turns."""

    told: list[ChatError] = field(default_factory=list)

    def all(self) -> list:
        return []

    def cancel_all(self, error: ChatError) -> None:
        self.told.append(error)


def test_who_was_buried_ends_its_turns_and_goes_on_as_another(host, caplog) -> None:
    a, b, turns = host("a"), host("b"), Turns()
    checkpoints = Checkpoints(a.database, a.worker, turns)  # type: ignore[arg-type]
    before = a.worker.id
    checkpoints.save()
    b.passes(20)
    checkpoints.save()
    assert [error.problem for error in turns.told] == [Problem.LOST]
    assert "taken for dead" in caplog.text
    assert a.worker.id != before
    assert not (a.worker.folder / before).exists()
    a.asks("a2")
    checkpoints.save()
    assert len(turns.told) == 1
    assert {each for (each,) in rows(a.database, "SELECT id FROM workers")} == {a.worker.id, b.worker.id}


@contextmanager
def unwritable(database: Database) -> Iterator[None]:
    """It can be read."""
    set_patience(database, 20)
    with write_locked(database, "workers"):
        yield


def test_nobody_is_buried_for_a_database_that_takes_no_writing(host) -> None:
    a, b = host("a"), host("b")
    a.asks("a1")
    b.passes(10, a)
    with unwritable(a.database):
        for _ in range(10):
            with pytest.raises(StoreError):
                b.passes(5)
    assert b.passes(5) == []
    assert b.passes(5, a) == []
    assert rows(a.database, STATES) == [("a1", "running", 0)]
    assert b.passes(20) == [a.worker.id]


def test_nobody_is_buried_by_who_stood_still_itself(host) -> None:
    a, b = host("a"), host("b")
    b.passes(10, a)
    b.time += 3600
    assert b.passes(11) == []
    assert b.passes(1) == [a.worker.id]


@pytest.mark.parametrize(("seen", "done"), [(None, False), (0, False), (1, True)], ids=["no row", "an old one", "it"])
def test_who_has_beaten_since_it_was_seen_is_not_buried(host, seen, done) -> None:
    a = host("a")
    a.asks("a1")
    a.beats.beat()
    a.beats.beat(lambda _: None)
    assert a.database.write(lambda connection: bury_as_seen(connection, a.worker.id, seen)) is done
    assert rows(a.database, STATES) == [("a1", "interrupted" if done else "running", int(done))]


def test_answers_of_a_worker_without_a_row_are_ended_after_the_lease(host) -> None:
    a, b = host("a"), host("b")
    a.asks("a1")
    assert b.passes(15) == []
    assert b.passes(1) == [a.worker.id]
    assert rows(a.database, STATES) == [("a1", "interrupted", 1)]


def test_a_worker_of_this_host_is_known_by_its_file_however_long_it_stands_still(database, tmp_path) -> None:
    a, b = Host(database, tmp_path / "one"), Host(database, tmp_path / "one")
    a.asks("a1")
    a.beats.beat()
    assert b.passes(60) == []
    assert bury_dead_workers(database, b.worker) is True
    other = Host(database, tmp_path / "another")
    assert other.passes(20, b) == [a.worker.id]


def test_by_files_nobody_of_another_host_is_buried_and_the_dead_of_this_one_lose_their_rows(host, database) -> None:
    a, b = host("a"), host("b")
    a.asks("a1")
    a.beats.beat()
    assert bury_dead_workers(database, b.worker) is False
    assert rows(database, STATES) == [("a1", "running", 0)]
    gone = Worker(b.worker.folder, has_row=True)
    gone.folder.joinpath(gone.id).touch()
    Beats(database, gone).beat()
    bury_dead_workers(database, b.worker)
    assert rows(database, "SELECT id FROM workers") == [(a.worker.id,)]


def test_who_ends_is_forgotten_at_once_and_dead_for_nobody(host, database) -> None:
    a, b = host("a"), host("b")
    for each in (a, b):
        each.beats.beat()
    leave(database, a.worker)
    assert rows(database, "SELECT id FROM workers") == [(b.worker.id,)]
    assert b.passes(20) == []


def test_a_worker_alone_beats_once_and_from_when_another_comes(host) -> None:
    a, b = host("a"), host("b")
    mine = f"SELECT beats FROM workers WHERE id = '{a.worker.id}'"
    a.passes(60)
    assert rows(a.database, mine) == [(0,)]
    b.beats.beat()
    a.passes(15, b)
    assert rows(a.database, mine) == [(3,)]


def test_who_was_buried_while_it_knew_of_nobody_else_hears_of_it_though_they_have_gone(host, database) -> None:
    a = host("a")
    a.passes(10)
    database.write(lambda connection: bury_as_seen(connection, a.worker.id, 0))
    with pytest.raises(BuriedError):
        a.beats.beat()


def test_two_that_bury_the_same_at_once_bury_it_once(host) -> None:
    a, b, c = host("a"), host("b"), host("c")
    a.asks("a1")
    a.beats.beat()
    assert b.passes(20, c) == [a.worker.id]


def test_looks_that_are_too_far_apart_are_no_watch() -> None:
    witness = Witness()
    for time in range(100, 111):
        assert witness.saw({"a": 1}, time, time) == []
    assert witness.saw({"a": 1}, 111.0, 113.5) == []
    assert [witness.saw({"a": 1}, time, time) for time in range(114, 124)] == [[]] * 10
    assert witness.saw({"a": 1}, 124.5, 124.5) == ["a"]
    assert witness.saw({"a": 2, "b": None}, 125.0, 125.0) == []
