"""How an answer stands, whoever asks: within the scope of its owner."""

import pytest
from support.database import REF, ask

from app.engine.conversation import QuestionEntry, RequestKey, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed, TurnFinished
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message
from app.store.answer_states import AnswerStates
from app.store.histories import HistoryScope

MINE = HistoryScope("demo", "widget", "key:1")
SAID = Message("assistant", (TextPart("yes"),))


def test_the_latest_answer_is_found_with_its_question(database, conversations) -> None:
    states = AnswerStates(database)
    conversation, _ = ask(conversations, q1="one", answer="a1")
    conversations.add_answer(conversation, "a1", AnswerRecord(SAID, "complete", "stop", Usage(3, 2), "m", 4))
    ask(conversations, q2="two", answer="a2")
    running = states.latest(conversation)
    assert running
    assert (running.id, running.question_id, running.status) == ("a2", "q2", "running")
    assert isinstance(running.last_event, TurnFailed)
    before = states.numbered("a1")
    assert before
    assert before.question_id == "q1"
    last = before.last_event
    assert isinstance(last, TurnFinished)
    assert (last.message, last.usage, last.credits, last.model) == (SAID, Usage(3, 2), 4, "m")


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_one_that_was_broken_off_ends_with_a_failure(database, conversations, status) -> None:
    conversation, _ = ask(conversations, q1="one", answer="a1")
    conversations.add_answer(conversation, "a1", AnswerRecord(SAID, status, "other", Usage(), None))
    found = AnswerStates(database).latest(conversation)
    assert found
    assert isinstance(found.last_event, TurnFailed)
    assert found.last_event.error.problem is Problem.BROKEN_OFF


def test_another_owners_is_none(database, conversations) -> None:
    states = AnswerStates(database)
    ask(conversations, q1="one", answer="a1")
    for scope in (
        HistoryScope("demo", "widget", "key:2"),
        HistoryScope("other", "widget", "key:1"),
        HistoryScope("demo", "agents", "key:1"),
    ):
        with pytest.raises(ChatError) as refused:
            states.named(scope, "a1")
        assert refused.value.problem is Problem.NOT_FOUND
    assert (states.numbered("a9"), states.latest("c9")) == (None, None)


@pytest.mark.parametrize(("status", "reason"), [("complete", "other"), ("interrupted", "other"), ("failed", "error")])
def test_one_that_has_made_room_is_told_as_it_had_ended_to_those_who_have_its_key(
    database, conversations, status, reason
) -> None:
    states = AnswerStates(database)
    key = RequestKey("k" * 64, "f" * 64)
    entry = QuestionEntry(REF, {"q1": text_message("user", "one")}, 9, "a1", request_key=key)
    ids: list[str] = []
    conversations.add_question(entry, ids.append)
    found = states.asked_with(key.key)
    assert found
    assert found.status == "running"
    conversations.add_answer(ids[0], "a1", AnswerRecord(SAID, status, reason, Usage(3, 2), "m", 4))
    conversations.add_question(QuestionEntry(REF, {}, 9, "a2", rewind=Rewind("retry", ("a1",))), ids.append)
    found = states.asked_with(key.key)
    assert found
    assert (found.id, found.question_id, found.status, found.message) == ("a1", "q1", status, SAID)
    assert isinstance(found.last_event, TurnFinished if status == "complete" else TurnFailed)
    assert (states.numbered("a1"), states.asked_with("unknown")) == (None, None)
