"""One turn against honest stand-ins for model, tools and store: what is committed when, and what is told when."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from gevent import GreenletExit
from support.fakes import AGENT, World, finished, play, problem_of

from app.engine.agent import Agent
from app.engine.audience import Listener
from app.engine.conversation import ConversationRef, QuestionEntry, StoredQuestion
from app.engine.errors import ChatError, FailureKind, ModelError, Problem, StoreError
from app.engine.events import (
    RoundFinished,
    RoundStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import Message, Usage, text_message

HELLO = [[TextDelta("Hel")], [TextDelta("lo"), finished()]]


def test_a_turn_tells_its_steps_and_parts_in_order() -> None:
    turn = (world := World(HELLO)).turn()
    events = play(turn)
    assert [type(event) for event in events] == [
        *(TurnStarted, RoundStarted, TextStarted, TextDelta, TextDelta, TextEnded, RoundFinished, TurnFinished)
    ]
    started, ended = events[0], events[-1]
    said = text_message("assistant", "Hello")
    assert ended == TurnFinished(said, "stop", Usage(3, 2), started.conversation_id, credits=1, model="fake")
    assert started.model == "fake", "which has accepted the question by then"
    assert [*world.store.questions[0]] == [started.question_id]
    assert [*world.store.answers] == [started.answer_id]
    assert turn.generation.transcript.message().text == "Hello"


def test_the_question_is_committed_before_the_model_is_opened() -> None:
    world = World(HELLO)
    world.turn().begin()
    assert world.log == [("question", True), ("opened", 7.0)]


def test_the_answer_is_committed_before_the_end_is_told() -> None:
    world = World(HELLO)
    play(world.turn(), lambda event: world.log.append((type(event).__name__,)))
    told = [entry[0] for entry in world.log]
    assert told.index("answer") < told.index("TurnFinished")
    assert world.answer().status == "complete"
    assert (world.answer().usage, world.answer().model) == (Usage(3, 2), "fake")


@pytest.mark.parametrize(("question", "model", "mark"), [
    ("Hi", None, None), ("Hi", "unanswered", "unanswered"), ("Hi", "handover", "handover"),
    ("Can I talk to a human?", None, "handover"), ("Can I talk to a human?", "unanswered", "handover"),
])  # fmt: skip
def test_an_answer_is_marked_for_its_operator_whichever_model_gave_it(question, model, mark) -> None:
    """What asks for a person is seen in the question; that nothing was known, the model has to say."""
    world = World([[TextDelta("Hm"), replace(finished(), mark=model)]])
    play(world.turn(text_message("user", question)))
    assert world.answer().mark == mark


def test_the_mark_of_the_last_round_counts() -> None:
    call = ToolCalled("1", "echo", {})
    rounds = [[call, replace(finished("tool-calls"), mark="unanswered")]], [[TextDelta("Ah"), finished()]]
    world = World(*rounds)
    play(world.turn())
    assert world.answer().mark is None


def test_an_answer_that_broke_off_is_marked_by_its_question() -> None:
    world = World([[TextDelta("So")], ModelError(Problem.UPSTREAM_FAILED, FailureKind.PASSING)])
    play(world.turn(text_message("user", "I need a human")))
    assert (world.answer().status, world.answer().mark) == ("failed", "handover")


def test_an_answer_that_cannot_be_stored_is_a_failure_and_left_to_the_store(caplog) -> None:
    world = World(HELLO)
    world.store.failures = [OSError("the disk is full: /secret/path")]
    turn = world.turn()
    last = play(turn)[-1]
    assert last.error.problem is Problem.INTERNAL
    assert "disk" not in last.error.message
    assert (turn.status, world.store.answers) == ("failed", {}), "it is told once: the store keeps what it was told"
    assert "the disk is full" in caplog.text
    assert len(world.running_turns) == 0


def test_a_failed_answer_that_cannot_be_stored_still_ends_with_its_failure(caplog) -> None:
    world = World([[TextDelta("Hel")], ChatError(Problem.UPSTREAM_TIMEOUT)])
    world.store.failures = [OSError("gone")]
    turn = world.turn()
    assert play(turn)[-1].error.problem is Problem.UPSTREAM_TIMEOUT
    assert "answer not stored" in caplog.text
    assert (turn.status, world.store.answers, len(world.running_turns)) == ("failed", {}, 0)


def test_a_lost_answer_is_told_as_such_and_is_no_mistake_in_the_log(caplog) -> None:
    world = World(HELLO)
    world.store.failures = [ChatError(Problem.LOST)]
    assert play(world.turn())[-1].error.problem is Problem.LOST
    assert not caplog.records


def test_a_turn_whose_greenlet_is_ended_while_it_is_recorded_makes_room_all_the_same() -> None:
    world = World(HELLO)
    world.store.failures = [GreenletExit()]
    turn = world.turn()
    turn.begin()
    with pytest.raises(GreenletExit):
        turn.close()
    assert (len(world.running_turns), turn.status) == (0, "interrupted")


def unavailable(*, uncertain: bool) -> StoreError:
    error = StoreError(Problem.STORE_UNAVAILABLE, "cannot be reached")
    error.uncertain = uncertain
    return error


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (GreenletExit(), True),
        (unavailable(uncertain=True), True),
        (unavailable(uncertain=False), False),
        (ChatError(Problem.BUSY), False),
    ],
)
def test_a_question_that_may_have_been_stored_unheard_is_ended(error, ended) -> None:
    """A greenlet that is killed while it waits for the store does not hear what became of the question; nor does one
    whose store has not answered."""
    world = World(HELLO)
    turn = world.turn()

    def stored_and_killed(_entry: QuestionEntry, admit: Callable[[str], None]) -> None:
        admit("c")
        raise error

    world.store.add_question = stored_and_killed
    with pytest.raises(type(error)):
        turn.begin()
    assert [entry[0] for entry in world.log] == (["abandoned"] if ended else [])
    assert len(world.running_turns) == 0


def test_a_model_that_refuses_at_the_opening_is_an_error_and_a_failed_answer() -> None:
    world = World(ChatError(Problem.UPSTREAM_FAILED))
    turn = world.turn()
    assert problem_of(turn.begin) is Problem.UPSTREAM_FAILED
    assert (world.answer().status, world.answer().message.parts) == ("failed", ())
    assert world.answer().finish_reason == "error"
    assert len(world.running_turns) == 0


def test_who_asked_the_same_meanwhile_hears_why_a_model_has_refused() -> None:
    turn = World(ChatError(Problem.OVERLOADED)).turn()
    listener = Listener(lambda: None)
    turn.audience.join(listener)
    problem_of(turn.begin)
    assert [event.error.problem for event in listener.take()] == [Problem.OVERLOADED]


def test_a_refusal_that_cannot_be_recorded_is_still_the_models_refusal_and_releases_the_slot() -> None:
    world = World(ChatError(Problem.UPSTREAM_TIMEOUT))
    world.store.failures = [OSError("gone"), OSError("gone")]
    assert problem_of(world.turn().begin) is Problem.UPSTREAM_TIMEOUT
    assert len(world.running_turns) == 0


def test_a_question_that_the_store_refuses_is_not_answered_and_releases_the_slot() -> None:
    world = World(HELLO)
    world.store.refusal = ChatError(Problem.BUSY)
    turn = world.turn()
    assert problem_of(turn.begin) is Problem.BUSY
    turn.close()
    assert (world.log, world.store.answers, len(world.running_turns), turn.status) == ([], {}, 0, "failed")


def test_a_failure_in_mid_answer_keeps_what_was_said_and_comes_last() -> None:
    world = World([[TextDelta("Hel")], ChatError(Problem.UPSTREAM_TIMEOUT)])
    *_, ended, last = play(world.turn())
    assert (ended, last.error.problem) == (TextEnded(1), Problem.UPSTREAM_TIMEOUT)
    assert world.answer().message.text == "Hel"
    assert (world.answer().status, world.answer().finish_reason) == ("failed", "error")


def test_a_bug_reads_as_an_internal_error_and_is_logged_with_the_request_id(caplog) -> None:
    world = World([[TextDelta("x")], RuntimeError("password=hunter2")])
    last = play(world.turn())[-1]
    assert (last.error.problem, last.error.message) == (Problem.INTERNAL, "Internal server error")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.request_id == "request-1"
    assert "hunter2" in str(record.exc_info)


def test_a_model_that_ends_without_its_last_chunk_has_failed() -> None:
    world = World([[TextDelta("Hel")]])
    assert play(world.turn())[-1].error.problem is Problem.UPSTREAM_FAILED
    assert world.answer().status == "failed"


def test_cancelling_closes_the_stream_at_once_and_keeps_what_was_said_as_interrupted() -> None:
    reason = ChatError(Problem.OVERLOADED, "The server is restarting")
    world = World([[TextDelta("Hel")], lambda: turn.cancel(reason), [TextDelta("never"), finished()]])
    turn = world.turn()
    last = play(turn)[-1]
    assert last == TurnFailed(reason)
    assert world.model.streams[0].closed
    assert (world.answer().status, world.answer().message.text) == ("interrupted", "Hel")


def test_a_turn_that_is_cancelled_before_it_runs_says_nothing() -> None:
    world = World(HELLO)
    turn = world.turn()
    turn.begin()
    turn.cancel(ChatError(Problem.OVERLOADED))
    events = [event for batch in turn.run() for event in batch]
    assert [type(event) for event in events] == [TurnStarted, RoundStarted, TurnFailed]
    assert world.answer().status == "interrupted"


def test_the_first_of_two_reasons_to_cancel_counts() -> None:
    turn = World(HELLO).turn()
    turn.begin()
    for problem in (Problem.OVERLOADED, Problem.INTERNAL):
        turn.cancel(ChatError(problem))
    assert [*turn.run()][-1][-1].error.problem is Problem.OVERLOADED


def test_an_answer_whose_reader_goes_away_is_stored_as_interrupted() -> None:
    world = World([[TextDelta("Hel")], [TextDelta("lo")], [finished()]])
    turn = world.turn()
    turn.begin()
    batches = turn.run()
    while TextDelta("Hel") not in next(batches):
        pass
    batches.close()
    assert (world.answer().status, world.answer().message.text) == ("interrupted", "Hel")
    assert world.model.streams[0].closed
    assert len(world.running_turns) == 0


def test_a_turn_that_never_ran_is_recorded_once_however_often_it_is_closed() -> None:
    world = World(HELLO)
    turn = world.turn()
    turn.begin()
    turn.close()
    turn.close()
    assert (world.answer().status, world.answer().message) == ("interrupted", Message("assistant", ()))
    assert world.model.streams[0].closed


def test_a_turn_that_never_began_can_be_closed() -> None:
    (world := World(HELLO)).turn().close()
    assert world.log == []


def test_closing_a_finished_turn_changes_nothing() -> None:
    turn = (world := World(HELLO)).turn()
    play(turn)
    turn.close()
    assert (turn.status, world.answer().status) == ("complete", "complete")


def test_a_second_question_while_the_first_is_answered_is_busy_and_leaves_the_first_alone() -> None:
    world = World(HELLO)
    first, second = world.turn(), world.turn()
    first.begin()
    assert problem_of(second.begin) is Problem.BUSY
    second.close()
    assert len(world.running_turns) == 1
    assert isinstance([*first.run()][-1][-1], TurnFinished)
    assert isinstance(play(world.turn())[-1], TurnFinished)


def test_no_room_is_told_before_anything_is_stored() -> None:
    world = World(HELLO, capacity=1)
    world.turn(ref=ConversationRef("demo", "workers", "anonymous")).begin()
    assert problem_of(world.turn(ref=ConversationRef("demo", "workers", "anonymous")).begin) is Problem.OVERLOADED
    assert len(world.store.questions) == 1


def test_an_empty_batch_is_passed_on_and_nothing_else_is_empty() -> None:
    world = World([(), [TextDelta("")], [TextDelta("a")], (), [finished()]])
    turn = world.turn()
    turn.begin()
    batches = [*turn.run()]
    assert [len(batch) == 0 for batch in batches] == [False, False, True, False, True, False, False]


def test_the_time_of_the_first_token_is_kept_where_there_is_one() -> None:
    world = World([(), [finished()]], HELLO)
    silent, speaking = world.turn(), world.turn()
    play(silent)
    play(speaking)
    assert silent.generation.first_token is None
    assert speaking.started <= speaking.generation.first_token


SYSTEM = text_message("system", "You are brief.")


@pytest.mark.parametrize(
    ("instructions", "given", "seen"),
    [
        ("", [text_message("user", "Hi")], [text_message("user", "Hi")]),
        (
            "You are Demo.",
            [text_message("user", "Hi")],
            [text_message("system", "You are Demo."), text_message("user", "Hi")],
        ),
        ("You are Demo.", [SYSTEM, text_message("user", "Hi")], [SYSTEM, text_message("user", "Hi")]),
    ],
)
def test_the_agents_instructions_come_first_where_the_caller_gives_none(instructions, given, seen) -> None:
    world = World(HELLO)
    play(world.turn(*given, agent=Agent(id=AGENT.id, name="A", models=("fake",), instructions=instructions)))
    assert world.model.prompts[0].messages == seen


def test_the_model_sees_as_much_history_as_the_wire_asks_for() -> None:
    world = World(HELLO)
    world.store.history = [
        text_message("user", "1"),
        text_message("assistant", "2"),
        text_message("user", "3"),
        text_message("assistant", "4"),
    ]
    play(world.turn(text_message("user", "5"), history=2))
    assert [message.text for message in world.model.prompts[0].messages] == ["3", "4", "5"]


def test_a_turn_that_is_cancelled_while_its_question_is_stored_asks_no_model() -> None:
    world = World(HELLO)
    turn, store = world.turn(), world.store.add_question

    def stored_and_stopped(entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        stored = store(entry, admit)
        (conversation,) = world.store.conversation_ids.values()
        assert world.running_turns.turn(conversation) is None, "it has no answer yet"
        world.running_turns.holder(conversation).cancel(ChatError(Problem.STOPPED))
        return stored

    world.store.add_question = stored_and_stopped
    assert problem_of(turn.begin) is Problem.STOPPED
    assert (world.model.prompts, world.answer().status) == ([], "interrupted")
