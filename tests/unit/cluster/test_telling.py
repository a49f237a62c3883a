"""What an answer says goes to the workers where somebody listens, from the moment on at which they ask for it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from app.cluster.sealed_messages import Message
from app.cluster.telling import LISTENING_SECONDS, WORD_SECONDS, Telling
from app.engine.audience import MOST_EVENTS, MOST_LISTENERS, Audience, Listener
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, RoundStarted, TextDelta, TextStarted, TurnFailed
from app.engine.replay import Snapshot
from app.engine.retelling import Piece, Retelling
from app.engine.transcript import Transcript


class Turn:
    """Of the answer a1."""

    answer_id = "a1"

    def __init__(self) -> None:
        self.audience = Audience()
        self._transcript = Transcript(1_000_000)
        self.say(RoundStarted(), TextStarted(1), TextDelta("so"))

    @property
    def snapshot(self) -> Snapshot:
        return self._transcript.snapshot()

    def say(self, *events: Event) -> None:
        self._transcript.add(events)
        self.audience.hear(events)


@dataclass
class Others:
    """The channel to them."""

    told: list[tuple[str, str]] = field(default_factory=list)
    waked: int = 0

    def start(self, hear: Any, source: Telling) -> None:
        self.hear, self.source = hear, source

    def tell(self, worker: str, answer_id: str) -> None:
        self.told.append((worker, answer_id))

    def wake(self) -> None:
        self.waked += 1


@dataclass
class Case:
    turn: Turn
    others: Others
    heard: list[Any] = field(default_factory=list)
    time: float = 100.0

    def follow(self, worker: str, answer_id: str = "a1", position: int | None = None) -> None:
        self.others.hear(Message(worker, follows={answer_id: position}))

    def pieces(self) -> dict[str, list[Piece]]:
        return dict(self.others.source.pieces())  # type: ignore[arg-type]

    def said(self, worker: str) -> list[Batch]:
        return [piece.events for piece in self.pieces().get(worker, ())]


@pytest.fixture
def case() -> Case:
    turn, others = Turn(), Others()
    case = Case(turn, others)

    class Turns:
        def all(self) -> list[Turn]:
            return [turn]

    telling = Telling(Turns(), others, lambda: case.time)  # type: ignore[arg-type]
    telling.start(lambda *hint: case.heard.append(hint), case.heard.append)
    return case


def test_where_nobody_listens_nothing_is_said_and_nothing_waked(case) -> None:
    case.turn.say(TextDelta(" far"))
    assert (case.others.source.pause(), case.pieces(), case.others.waked) == (None, {}, 0)
    assert case.turn.audience.listeners == []


def test_each_worker_that_listens_is_told_of_all_in_one_piece(case) -> None:
    case.follow("b")
    case.pieces()
    case.follow("c")
    for text in (" f", "a", "r"):
        case.turn.say(TextDelta(text))
    assert case.others.waked == 3
    assert case.pieces() == {worker: [Piece("a1", 3, 0, [TextDelta(" far")])] for worker in ("b", "c")}
    assert case.pieces() == {}


def test_an_answer_that_is_silent_is_said_to_be_there_each_second(case) -> None:
    case.follow("b")
    assert case.said("b") == [[]]
    assert case.said("b") == []
    case.time += WORD_SECONDS
    assert case.said("b") == [[]]


def test_who_does_not_say_again_that_it_listens_is_told_no_more(case) -> None:
    case.follow("b")
    case.time += LISTENING_SECONDS
    assert case.said("b") == [[]]
    case.follow("c")
    case.time += 1
    case.turn.say(TextDelta(" far"))
    assert set(case.pieces()) == {"c"}
    case.time += LISTENING_SECONDS + 1
    assert case.pieces() == {}
    assert case.turn.audience.listeners == []
    assert case.others.source.pause() is None


def test_the_end_is_said_after_all_that_was(case) -> None:
    case.follow("b")
    case.turn.say(TextDelta(" far"))
    case.turn.say(TurnFailed(ChatError(Problem.STOPPED)))
    (piece,) = case.pieces()["b"]
    assert (piece.position, piece.events, piece.has_ended) == (3, [TextDelta(" far")], True)
    assert piece.error.problem is Problem.STOPPED
    assert case.turn.audience.listeners == []
    assert case.pieces() == {}


def test_of_an_answer_that_does_not_run_here_the_row_tells(case) -> None:
    case.follow("b", "another")
    assert (case.others.told, case.pieces()) == ([("b", "another")], {})


def test_where_as_many_listen_as_may_the_row_is_looked_at(case) -> None:
    for _ in range(MOST_LISTENERS):
        case.turn.audience.join(Listener(lambda: None))
    case.follow("b")
    assert case.pieces() == {}


def test_who_was_left_behind_hears_no_piece_but_begins_anew(case) -> None:
    case.follow("b")
    case.pieces()
    for _ in range(MOST_EVENTS + 1):
        case.turn.say(TextDelta("x"))
    case.pieces()
    assert case.turn.audience.listeners == []
    case.follow("b")
    case.turn.say(TextDelta(" far"))
    (piece,) = case.pieces()["b"]
    retelling = Retelling()
    assert retelling.heard(piece) is None
    retelling.news(case.turn.snapshot)
    assert retelling.heard(piece) == []


def test_who_has_missed_something_is_told_of_all_since_then_and_nobody_else_is(case) -> None:
    case.follow("b")
    case.pieces()
    case.turn.say(TextDelta(" far"))
    case.follow("c", position=0)
    case.follow("c", position=2)
    assert case.pieces() == {
        "b": [Piece("a1", 3, 0, [TextDelta(" far")])],
        "c": [Piece("a1", 0, 0, [RoundStarted(), TextStarted(1), TextDelta("so far")])],
    }
    case.follow("b", position=5)
    assert case.said("b") == [[TextDelta("ar")]]
    assert case.said("b") == []


def test_when_nobody_listens_any_more_the_answer_is_left_at_once(case) -> None:
    changes: list[int] = []
    case.follow("b")
    case.follow("c")
    case.turn.audience.changed = lambda: changes.append(len(case.turn.audience.listeners))
    for worker in ("b", "unknown", "c", "c"):
        case.others.hear(Message(worker, left={"a1", "another"}))
    assert changes == [0]
    assert case.pieces() == {}


def test_what_others_tell_is_passed_on(case) -> None:
    piece = Piece("a9", 0, 0, [])
    case.others.hear(Message("b", rows={"a8"}, pieces=[piece]))
    assert case.heard == [("b", "a8"), piece]
