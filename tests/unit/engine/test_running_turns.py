"""Which turns are let in, and what becomes of those under way."""

from dataclasses import dataclass, field

import pytest
from support.fakes import problem_of

from app.engine.errors import ChatError, Problem
from app.engine.running_turns import RunningTurns

RESTARTING = ChatError(Problem.OVERLOADED, "The server is restarting")


@dataclass
class FakeTurn:
    """Implements `Cancellable`."""

    reasons: list[ChatError] = field(default_factory=list)

    def cancel(self, error: ChatError) -> None:
        self.reasons.append(error)


def test_a_second_turn_of_a_conversation_is_busy_until_the_first_leaves() -> None:
    running = RunningTurns(10)
    running.admit("a", FakeTurn())
    assert problem_of(lambda: running.admit("a", FakeTurn())) is Problem.BUSY
    running.leave("a")
    running.admit("a", FakeTurn())
    assert len(running) == 1


def test_no_more_turns_than_the_capacity_run_at_once() -> None:
    running = RunningTurns(2)
    running.admit("a", FakeTurn())
    running.admit("b", FakeTurn())
    assert problem_of(lambda: running.admit("c", FakeTurn())) is Problem.OVERLOADED
    assert len(running) == 2
    running.leave("a")
    running.admit("c", FakeTurn())


def test_a_full_house_is_full_also_for_a_conversation_that_is_in_it() -> None:
    running = RunningTurns(1)
    running.admit("a", FakeTurn())
    assert problem_of(lambda: running.admit("a", FakeTurn())) is Problem.OVERLOADED
    assert problem_of(running.check_room) is Problem.OVERLOADED
    running.leave("a")
    running.check_room()


def test_leaving_twice_or_without_having_entered_is_harmless() -> None:
    running = RunningTurns(1)
    running.admit("a", FakeTurn())
    for conversation in ("a", "a", "unknown"):
        running.leave(conversation)
    assert len(running) == 0
    assert not running


def test_after_a_refusal_nobody_enters_and_those_inside_go_on() -> None:
    running = RunningTurns(5)
    inside = FakeTurn()
    running.admit("a", inside)
    running.refuse(RESTARTING.message)
    for conversation in ("a", "b"):
        with pytest.raises(ChatError) as refused:
            running.admit(conversation, FakeTurn())
        assert refused.value.message == "The server is restarting"
    assert (len(running), inside.reasons) == (1, [])


def test_cancelling_all_reaches_each_turn_even_where_one_leaves_meanwhile() -> None:
    running = RunningTurns(5)

    class Leaving(FakeTurn):
        def cancel(self, error: ChatError) -> None:
            super().cancel(error)
            running.leave("a")

    turns = {"a": Leaving(), "b": FakeTurn(), "c": FakeTurn()}
    for conversation, turn in turns.items():
        running.admit(conversation, turn)
    running.cancel_all(RESTARTING)
    assert [turn.reasons for turn in turns.values()] == [[RESTARTING]] * 3
    assert len(running) == 2
