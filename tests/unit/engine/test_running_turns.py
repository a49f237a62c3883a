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
    live = RunningTurns(10)
    live.admit("a", FakeTurn())
    assert problem_of(lambda: live.admit("a", FakeTurn())) is Problem.BUSY
    live.leave("a")
    live.admit("a", FakeTurn())
    assert len(live) == 1


def test_no_more_turns_than_the_capacity_run_at_once() -> None:
    live = RunningTurns(2)
    live.admit("a", FakeTurn())
    live.admit("b", FakeTurn())
    assert problem_of(lambda: live.admit("c", FakeTurn())) is Problem.OVERLOADED
    assert len(live) == 2
    live.leave("a")
    live.admit("c", FakeTurn())


def test_a_full_house_is_full_also_for_a_conversation_that_is_in_it() -> None:
    live = RunningTurns(1)
    live.admit("a", FakeTurn())
    assert problem_of(lambda: live.admit("a", FakeTurn())) is Problem.OVERLOADED
    assert problem_of(live.check_room) is Problem.OVERLOADED
    live.leave("a")
    live.check_room()


def test_leaving_twice_or_without_having_entered_is_harmless() -> None:
    live = RunningTurns(1)
    live.admit("a", FakeTurn())
    for conversation in ("a", "a", "unknown"):
        live.leave(conversation)
    assert len(live) == 0
    assert not live


def test_after_a_refusal_nobody_enters_and_those_inside_go_on() -> None:
    live = RunningTurns(5)
    inside = FakeTurn()
    live.admit("a", inside)
    live.refuse(RESTARTING.message)
    for conversation in ("a", "b"):
        with pytest.raises(ChatError) as refused:
            live.admit(conversation, FakeTurn())
        assert refused.value.message == "The server is restarting"
    assert (len(live), inside.reasons) == (1, [])


def test_cancelling_all_reaches_each_turn_even_where_one_leaves_meanwhile() -> None:
    live = RunningTurns(5)

    class Leaving(FakeTurn):
        def cancel(self, error: ChatError) -> None:
            super().cancel(error)
            live.leave("a")

    turns = {"a": Leaving(), "b": FakeTurn(), "c": FakeTurn()}
    for conversation, turn in turns.items():
        live.admit(conversation, turn)
    live.cancel_all(RESTARTING)
    assert [turn.reasons for turn in turns.values()] == [[RESTARTING]] * 3
    assert len(live) == 2
