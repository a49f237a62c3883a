"""What is wanted of an answer at another worker is heeded by the one that makes it, while there is another one."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import delete, event, select
from support.database import SQLITE_ONLY, ask

from app.engine.audience import Audience
from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.answer_states import AnswerStates
from app.store.conversations import ConversationStore
from app.store.elsewhere import AnswersElsewhere
from app.store.others_wishes import LISTENING_SECONDS, MOST_AT_ONCE, OthersWishes
from app.store.tables import messages
from app.store.workers import Worker


@dataclass
class Turn:
    answer_id: str | None
    audience: Audience = field(default_factory=Audience)
    error: ChatError | None = None
    text: str = ""

    @property
    def said_bytes(self) -> int:
        return len(self.text)

    def record_so_far(self) -> AnswerRecord:
        return AnswerRecord(Message("assistant", (TextPart(self.text),)), "interrupted", "other", Usage(), "m")

    @property
    def cancelled(self) -> bool:
        return self.error is not None

    def cancel(self, error: ChatError) -> None:
        self.error = error


@dataclass
class Turns:
    turns: list[Turn]

    def all(self) -> list[Turn]:
        return self.turns


@pytest.fixture
def worker(tmp_path, database) -> Worker:
    """Whose answer a1 runs, and not alone."""
    worker, other = Worker(tmp_path / "workers"), Worker(tmp_path / "workers")
    other.claim()
    ask(ConversationStore(database, worker), q1="x", answer="a1")
    return worker


@pytest.fixture
def turn() -> Turn:
    return Turn("a1")


@pytest.fixture
def wishes(database, worker, turn) -> OthersWishes:
    return OthersWishes(database, worker, Turns([turn, Turn(None)]))  # type: ignore[arg-type]


@pytest.fixture
def elsewhere(database) -> AnswersElsewhere:
    return AnswersElsewhere(database, AnswerStates(database))


def test_an_answer_that_is_to_end_is_ended(wishes, turn, elsewhere) -> None:
    wishes.heed(99.0)
    assert not turn.cancelled
    elsewhere.stop("a1")
    wishes.heed(99.0)
    assert turn.error.problem is Problem.STOPPED


def test_one_whose_conversation_was_deleted_and_one_that_was_given_up_are_ended(database, wishes, turn) -> None:
    database.write(lambda connection: connection.exec_driver_sql("UPDATE messages SET worker = NULL"))
    wishes.heed(99.0)
    assert turn.error.problem is Problem.LOST
    turn.error = None
    database.write(lambda connection: connection.execute(delete(messages)))
    wishes.heed(99.0)
    assert turn.error.problem is Problem.NOT_FOUND


def test_who_listens_elsewhere_is_a_listener_until_it_says_no_more(wishes, turn, elsewhere) -> None:
    for time in (1.0, 3.0):
        elsewhere.say_heard("a1")
        wishes.heed(time)
        wishes.heed(time + 0.5)
        assert len(turn.audience.listeners) == 1
    wishes.heed(2.0 + LISTENING_SECONDS)
    assert len(turn.audience.listeners) == 1
    wishes.heed(3.1 + LISTENING_SECONDS)
    assert turn.audience.listeners == []
    elsewhere.say_heard("a1")
    wishes.heed(99.0)
    assert len(turn.audience.listeners) == 1


def test_what_somebody_listens_to_elsewhere_is_saved_as_it_goes_on(database, worker, turn, elsewhere) -> None:
    told: list[tuple[str, str]] = []
    wishes = OthersWishes(database, worker, Turns([turn]), Told(told))  # type: ignore[arg-type]
    turn.text = "so"
    wishes.heed(1.0)
    assert saved(database) == []
    elsewhere.say_heard("a1")
    wishes.hear("another", "a1")
    wishes.hear("another", "unknown")
    for text in ("so", "so", "so far"):
        turn.text = text
        wishes.heed(2.0)
        assert saved(database) == [(text,)]
    assert told == [("another", "a1")] * 2, "when it was saved"
    turn.audience.hear([TurnFailed(ChatError(Problem.LEFT))])
    assert len(told) == 3


def test_an_answer_that_is_hinted_at_is_looked_at_alone_and_of_a_crowd_some_at_a_time(
    database, worker, elsewhere
) -> None:
    crowd = [Turn(f"b{number}") for number in range(MOST_AT_ONCE)]
    late = Turn("a1")
    wishes = OthersWishes(database, worker, Turns([*crowd, late]))  # type: ignore[arg-type]
    elsewhere.stop("a1")
    wishes.heed(1.0, {"a1", "of another worker"})
    assert late.error.problem is Problem.STOPPED
    assert not any(each.cancelled for each in crowd)
    late.error = None
    wishes.heed(1.0)
    assert {each.error.problem for each in crowd} == {Problem.NOT_FOUND}
    assert not late.cancelled
    wishes.heed(2.0)
    assert late.cancelled, "its turn has come"


class Told:
    """Hints that are kept."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        self._told = told

    def tell(self, worker: str, answer_id: str) -> None:
        self._told.append((worker, answer_id))


def saved(database) -> list[tuple]:
    """The texts of the answer's parts."""
    parts = database.read(lambda connection: connection.scalar(select(messages.c.parts).where(messages.c.id == "a1")))
    return [(part["text"],) for part in parts]


@SQLITE_ONLY
def test_a_worker_alone_asks_nothing(database, worker, wishes, turn, elsewhere) -> None:
    asked: list[str] = []
    event.listen(database._engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    elsewhere.stop("a1")
    asked.clear()
    for each in worker.folder.iterdir():
        if each.name != worker.id:
            each.unlink()
    wishes.heed(99.0)
    assert (asked, turn.cancelled) == ([], False)
    Worker(worker.folder).claim()
    wishes.heed(99.0)
    assert (len(asked), turn.cancelled) == (1, True)
