"""An answer that another worker makes is heard as that sends it; its row is looked at where something is missing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, RoundStarted, TextDelta, TextEnded, TextStarted, TurnFailed, TurnFinished
from app.engine.messages import Message, TextPart, Usage
from app.engine.replay import Snapshot
from app.engine.retelling import Piece, Pieces
from app.store.answer_states import AnswerState
from app.store.followed_row import JOIN_SECONDS, LIVE_SECONDS, MISSED_SECONDS, MOST_PIECES, FollowedRow

STATE = AnswerState("a1", "c1", "q1", None, 1, "running", Message("assistant", ()), "other", Usage(), 0, "m", "owner")


END = TurnFinished(Message("assistant", ()), "stop", Usage(), "c1")


@dataclass
class Rows:
    """With what is told about them; each says which row it saw."""

    state: AnswerState = STATE
    look_seconds: float = 0.02
    said: list[str] = field(default_factory=list)

    @property
    def hints(self) -> "Rows":
        return self

    def follow(self, worker: str, _answer_id: str, position: int | None = None) -> None:
        self.said.append(f"followed {worker}" if position is None else f"asked from {position}")

    def save(self, *texts: str, status: str = "running") -> None:
        parts = tuple(TextPart(text) for text in texts)
        self.state = replace(self.state, message=Message("assistant", parts), status=status)

    def look(self, _answer_id: str) -> AnswerState:
        self.said.append("look")
        return self.state

    def say_heard(self, _answer_id: str) -> None:
        self.said.append("heard")

    def leave(self, _answer_id: str, _follower: FollowedRow) -> None:
        self.said.append("left")


class Owner:
    """Sends what the answer says."""

    def __init__(self) -> None:
        self._pieces = Pieces("a1", Snapshot([]))
        self.say(RoundStarted(), TextStarted(1))

    def say(self, *events: Event) -> Piece:
        return self._pieces.piece(events)


@pytest.fixture
def rows() -> Rows:
    return Rows()


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def followed(rows, clock) -> FollowedRow:
    rows.save("so")
    return FollowedRow(rows, rows.state, 0, clock)


@pytest.fixture
def hear(rows, followed, clock) -> Callable[..., list[Event]]:
    """What the follower tells after these pieces."""
    stream = iter(followed)
    assert texts(next(stream)) == "so"
    assert rows.said == ["asked from 3"], "before anything is waited for"
    rows.said.clear()

    def heard(*pieces: Piece) -> list[Event]:
        clock.seconds += 0.02
        for piece in pieces:
            followed.hear(piece)
        return [*next(stream)]

    return heard


def texts(batch: Batch) -> str:
    return "".join(event.text for event in batch if isinstance(event, TextDelta))


def test_while_pieces_come_the_row_is_not_looked_at(rows, hear) -> None:
    owner = Owner()
    assert hear(owner.say(TextDelta("so far"))) == [TextDelta(" far")], "the row had some of it"
    rows.said.clear()
    for text in (" and", " further"):
        assert hear(owner.say(TextDelta(text))) == [TextDelta(text)]
    assert hear() == []
    assert rows.said == []


def test_a_piece_before_which_something_is_missing_waits_for_it_which_is_asked_for(rows, clock, hear) -> None:
    owner = Owner()
    hear(owner.say(TextDelta("so")))
    missing = owner.say(TextDelta(" far"))
    rows.said.clear()
    clock.seconds += MISSED_SECONDS - 0.03
    assert texts(hear(owner.say(TextDelta(" and on")))) == ""
    assert rows.said == ["look", "asked from 3"]
    assert texts(hear(missing)) == " far and on", "whichever comes first"
    owner.say(TextDelta(" and"))
    assert texts(hear(owner.say(TextDelta(" further")))) == ""
    rows.save("so far and on and")
    assert texts(hear()) == " and further"
    rows.said.clear()
    assert texts(hear(owner.say(TextDelta(".")))) == "."
    assert rows.said == []


def test_what_came_late_or_twice_is_told_once(hear) -> None:
    owner = Owner()
    first, second = owner.say(TextDelta("so f")), owner.say(TextDelta("ar"))
    assert texts([*hear(first, first), *hear(second, first), *hear(second)]) == " far"


def test_the_end_is_looked_up_in_the_row(rows, hear) -> None:
    owner = Owner()
    hear(owner.say(TextDelta("so")))
    rows.save("so far", status="complete")
    told = hear(owner.say(TextDelta(" far"), TextEnded(1), END))
    assert told[:2] == [TextDelta(" far"), TextEnded(1)]
    assert isinstance(told[-1], TurnFinished)
    with pytest.raises(StopIteration):
        hear()


def test_an_end_whose_words_were_lost_is_looked_up_too(rows, hear) -> None:
    owner = Owner()
    owner.say(TextDelta("so far"))
    rows.save("so far.", status="complete")
    told = hear(owner.say(TextDelta("."), END))
    assert texts(told) == " far."
    assert isinstance(told[-1], TurnFinished)


def test_an_end_is_told_with_the_error_that_its_own_caller_is(rows, hear) -> None:
    owner = Owner()
    hear(owner.say(TextDelta("so")))
    rows.save("so", status="interrupted")
    (*_, last) = hear(owner.say(TurnFailed(ChatError(Problem.STOPPED))))
    assert last.error.problem is Problem.STOPPED


def test_where_nothing_comes_any_more_the_row_is_looked_at_and_who_makes_it_is_told(clock, rows, hear) -> None:
    owner = Owner()
    hear(owner.say(TextDelta("so")))
    rows.said.clear()
    clock.seconds += LIVE_SECONDS + 0.1
    rows.save("so far")
    assert texts(hear()) == " far"
    assert rows.said == ["look", "asked from 7", "heard"]


def test_who_hears_says_now_and_then_that_it_does(clock, rows, hear) -> None:
    owner = Owner()
    for _ in range(12):
        clock.seconds += 1
        hear(owner.say(TextDelta("so")))
    assert rows.said.count("followed owner") == 2
    assert "look" not in rows.said[3:]


def test_pieces_that_wait_are_bounded(followed, hear) -> None:
    owner = Owner()
    owner.say(TextDelta("lost"))
    hear(*(owner.say(TextDelta("x")) for _ in range(2 * MOST_PIECES + 5)))
    assert len(followed._pieces) <= MOST_PIECES


def test_who_makes_it_is_waited_for_and_not_for_long(followed) -> None:
    begun = time.monotonic()
    followed.wait_for_owner()
    assert time.monotonic() - begun >= JOIN_SECONDS * 0.9
    followed.hear(Owner().say())
    begun = time.monotonic()
    followed.wait_for_owner()
    assert time.monotonic() - begun < JOIN_SECONDS


def test_who_leaves_ends_it(rows, followed, hear) -> None:
    followed.close()
    with pytest.raises(StopIteration):
        hear()
    assert "left" in rows.said
