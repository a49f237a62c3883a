"""Which turns are let in, and what becomes of those under way."""

from dataclasses import dataclass, field

import pytest
from support.fakes import problem_of

from app.engine.conversation import RequestKey
from app.engine.errors import BusyError, ChatError, Problem
from app.engine.running_turns import RunningTurns, Taker

SOMEBODY = Taker("somebody")
RESTARTING = ChatError(Problem.OVERLOADED, "The server is restarting")


@dataclass
class FakeTurn:
    """Implements `Cancellable`."""

    reasons: list[ChatError] = field(default_factory=list)

    @property
    def cancelled(self) -> bool:
        return bool(self.reasons)

    def cancel(self, error: ChatError) -> None:
        self.reasons.append(error)


def admit(running: RunningTurns, conversation: str, turn: FakeTurn, taker: Taker) -> None:
    """As turns do it."""
    running.enter(taker)
    try:
        running.claim(conversation, turn)
    except ChatError:
        running.leave(taker, None)
        raise


def test_a_second_turn_of_a_conversation_is_busy_until_the_first_leaves() -> None:
    running = RunningTurns(10, 99, 99)
    admit(running, "a", FakeTurn(), SOMEBODY)
    assert problem_of(lambda: admit(running, "a", FakeTurn(), SOMEBODY)) is Problem.BUSY
    running.leave(SOMEBODY, "a")
    admit(running, "a", FakeTurn(), SOMEBODY)
    assert len(running) == 1


def test_who_finds_a_conversation_busy_learns_whether_its_answer_is_about_to_end() -> None:
    running = RunningTurns(10, 99, 99)
    admit(running, "a", FakeTurn(), SOMEBODY)
    with pytest.raises(BusyError) as found:
        admit(running, "a", FakeTurn(), SOMEBODY)
    assert not found.value.ending
    running.cancel("a", RESTARTING)
    with pytest.raises(BusyError) as found:
        admit(running, "a", FakeTurn(), SOMEBODY)
    assert found.value.ending


def test_no_more_turns_than_the_capacity_run_at_once() -> None:
    running = RunningTurns(2, 99, 99)
    admit(running, "a", FakeTurn(), SOMEBODY)
    admit(running, "b", FakeTurn(), SOMEBODY)
    assert problem_of(lambda: admit(running, "c", FakeTurn(), SOMEBODY)) is Problem.OVERLOADED
    assert len(running) == 2
    running.leave(SOMEBODY, "a")
    admit(running, "c", FakeTurn(), SOMEBODY)


def test_a_full_house_is_full_also_for_a_conversation_that_is_in_it() -> None:
    running = RunningTurns(1, 99, 99)
    admit(running, "a", FakeTurn(), SOMEBODY)
    assert problem_of(lambda: admit(running, "a", FakeTurn(), SOMEBODY)) is Problem.OVERLOADED
    assert problem_of(lambda: running.check_room(SOMEBODY)) is Problem.OVERLOADED
    running.leave(SOMEBODY, "a")
    running.check_room(SOMEBODY)


def test_a_turn_that_has_entered_counts_before_it_has_a_conversation() -> None:
    running = RunningTurns(1, 99, 99)
    running.enter(SOMEBODY)
    assert problem_of(lambda: running.enter(SOMEBODY)) is Problem.OVERLOADED
    running.leave(SOMEBODY, None)
    assert not running


def test_a_turn_that_entered_before_a_refusal_gets_no_conversation_after_it() -> None:
    running = RunningTurns(1, 99, 99)
    running.enter(SOMEBODY)
    running.refuse(RESTARTING.message)
    assert problem_of(lambda: running.claim("a", FakeTurn())) is Problem.OVERLOADED


def test_after_a_refusal_nobody_enters_and_those_inside_go_on() -> None:
    running = RunningTurns(5, 99, 99)
    inside = FakeTurn()
    admit(running, "a", inside, SOMEBODY)
    running.refuse(RESTARTING.message)
    for conversation in ("a", "b"):
        with pytest.raises(ChatError) as refused:
            admit(running, conversation, FakeTurn(), SOMEBODY)
        assert refused.value.message == "The server is restarting"
    assert (len(running), inside.reasons) == (1, [])


def test_cancelling_all_reaches_each_turn_even_where_one_leaves_meanwhile() -> None:
    running = RunningTurns(5, 99, 99)

    class Leaving(FakeTurn):
        def cancel(self, error: ChatError) -> None:
            super().cancel(error)
            running.leave(SOMEBODY, "a")

    turns = {"a": Leaving(), "b": FakeTurn(), "c": FakeTurn()}
    for conversation, turn in turns.items():
        admit(running, conversation, turn, SOMEBODY)
    running.cancel_all(RESTARTING)
    assert [turn.reasons for turn in turns.values()] == [[RESTARTING]] * 3
    assert len(running) == 2


def fill(running: RunningTurns, taker: Taker, count: int) -> list[str]:
    """Admit so many turns; their conversations."""
    names = [f"{taker.name} {taker.key} {number}" for number in range(count)]
    for name in names:
        admit(running, name, FakeTurn(), taker)
    return names


def test_a_caller_has_so_many_turns_and_no_more_and_others_still_enter() -> None:
    running, one, other = RunningTurns(10, 2, 10), Taker("one"), Taker("other")
    first, _ = fill(running, one, 2)
    assert problem_of(lambda: running.check_room(one)) is Problem.LIMITED
    assert problem_of(lambda: admit(running, "another", FakeTurn(), one)) is Problem.LIMITED
    fill(running, other, 2)
    running.leave(one, first)
    fill(running, one, 1)
    assert problem_of(lambda: running.check_room(one)) is Problem.LIMITED


def test_a_key_has_so_many_turns_wherever_its_callers_are() -> None:
    running = RunningTurns(10, 2, 3)
    fill(running, Taker("key:here", "key"), 2)
    fill(running, Taker("key:there", "key"), 1)
    assert problem_of(lambda: running.check_room(Taker("key:elsewhere", "key"))) is Problem.LIMITED
    running.check_room(Taker("here"))


def test_a_secret_key_is_bounded_as_a_key_and_not_as_a_caller() -> None:
    running, secret = RunningTurns(10, 2, 4), Taker("key", "key")
    fill(running, secret, 4)
    assert problem_of(lambda: running.check_room(secret)) is Problem.LIMITED


@pytest.mark.parametrize(("capacity", "most"), [(1, 1), (2, 1), (3, 2), (10, 5)])
def test_the_anonymous_have_half_of_the_room_and_the_rest_is_for_those_who_are_known(capacity: int, most: int) -> None:
    running = RunningTurns(capacity, capacity, capacity)
    for number in range(most):
        fill(running, Taker(f"address {number}", anonymous=True), 1)
    assert problem_of(lambda: running.check_room(Taker("another", anonymous=True))) is Problem.OVERLOADED
    fill(running, Taker("user"), capacity - most)
    assert problem_of(lambda: running.check_room(Taker("user"))) is Problem.OVERLOADED


def test_what_has_left_is_counted_for_nobody() -> None:
    running, keyed, anonymous = RunningTurns(4, 99, 99), Taker("key:a", "key"), Taker("b", anonymous=True)
    for _ in range(3):
        left = [*((keyed, name) for name in fill(running, keyed, 2))]
        left += [(anonymous, name) for name in fill(running, anonymous, 2)]
        for taker, name in left:
            running.leave(taker, name)
    assert (len(running), running._taken) == (0, {})


def test_a_place_that_is_shared_is_the_first_ones_whoever_leaves_last() -> None:
    """One caller asks again from another network: the widget's key is the same, and the address is not."""
    running, key, here, there = RunningTurns(10, 1, 99), RequestKey("key", "asked"), Taker("here"), Taker("there")
    running.enter(here, key)
    running.enter(there, key)
    running.leave(here, None, key)
    assert problem_of(lambda: running.enter(here)) is Problem.LIMITED
    running.enter(there)
    running.leave(there, None, key)
    running.leave(there, None)
    assert (len(running), running._taken, running._shared) == (0, {}, {})


def test_turns_with_the_same_request_key_share_a_place() -> None:
    running, key = RunningTurns(10, 1, 99), RequestKey("key", "asked")
    for _ in range(3):
        running.enter(SOMEBODY, key)
    assert len(running) == 1
    for other in (None, RequestKey("key", "asked otherwise"), RequestKey("another", "asked")):
        assert problem_of(lambda other=other: running.enter(SOMEBODY, other)) is Problem.LIMITED
    for _ in range(2):
        running.leave(SOMEBODY, None, key)
    assert len(running) == 1
    running.leave(SOMEBODY, None, key)
    assert len(running) == 0
    running.enter(SOMEBODY)
