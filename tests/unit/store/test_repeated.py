"""A question with a key that is known already has its answer; a key is free again when its answer was none."""

from dataclasses import replace

import pytest
from support.database import rows

from app.engine.conversation import ConversationRef, QuestionEntry, RequestKey, Rewind, StoredQuestion
from app.engine.errors import ChatError, Problem, RepeatedError
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, ToolResultPart, Usage, text_message
from app.store.conversations import ConversationStore
from app.store.database import Database

KEY = RequestKey("k" * 64, "f" * 64)
ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")


def ask(
    store: ConversationStore,
    answer: str,
    key: RequestKey | None = KEY,
    session: str | None = "s",
    rewind: Rewind | None = None,
) -> StoredQuestion:
    ref = ConversationRef("demo", "widget", "key:1", session)
    asked = {} if rewind else {f"q-{answer}": text_message("user", "x")}
    entry = QuestionEntry(ref, asked, 9, answer, request_key=key, rewind=rewind)
    return store.add_question(entry, lambda _conversation: None)


def fail(store: ConversationStore, database: Database, answer: str) -> None:
    """Without a word."""
    none = replace(ANSWER, status="failed", message=Message("assistant", ()))
    store.add_answer(conversation_of(database, answer), answer, none)


def shown_ids(database: Database) -> list[str]:
    return [row[0] for row in rows(database, "SELECT id FROM messages WHERE status != 'superseded' ORDER BY sequence")]


def conversation_of(database, answer: str) -> str:
    return rows(database, f"SELECT conversation_id FROM messages WHERE id = '{answer}'")[0][0]


@pytest.mark.parametrize("status", ["running", "complete", "interrupted", "failed"])
def test_what_was_said_is_the_answer(conversations, database, status) -> None:
    ask(conversations, "a1")
    if status != "running":
        conversations.add_answer(conversation_of(database, "a1"), "a1", replace(ANSWER, status=status))
    for session in ("s", "another"):
        with pytest.raises(RepeatedError) as repeated:
            ask(conversations, "a2", session=session)
        assert repeated.value.answer_id == "a1"
    assert rows(database, "SELECT count(*) FROM messages") == [(2,)]
    assert rows(database, "SELECT count(*) FROM conversations") == [(1,)]


def test_with_another_question_it_is_refused(conversations) -> None:
    ask(conversations, "a1")
    with pytest.raises(ChatError) as refused:
        ask(conversations, "a2", replace(KEY, fingerprint="g" * 64))
    assert refused.value.problem is Problem.REUSED


@pytest.mark.parametrize(("status", "price"), [("failed", 0), ("failed", 2), ("interrupted", 0)])
def test_an_answer_without_a_word_that_failed_or_cost_nothing_leaves_the_key_free(
    conversations, database, status, price
) -> None:
    ask(conversations, "a1")
    none = replace(ANSWER, status=status, message=Message("assistant", ()), credits=price)
    conversations.add_answer(conversation_of(database, "a1"), "a1", none)
    assert ask(conversations, "a2").answer_id == "a2"
    with pytest.raises(RepeatedError):
        ask(conversations, "a3")


@pytest.mark.parametrize("session", ["s", None])
def test_a_question_that_got_no_answer_is_stored_once_however_often_it_is_asked(
    conversations, database, session
) -> None:
    for answer in ("a1", "a2", "a3"):
        asked = ask(conversations, answer, session=session)
        assert (asked.question_id, [message.text for message in asked.messages]) == ("q-a1", ["x"])
        fail(conversations, database, answer)
    assert shown_ids(database) == ["q-a1", "a3"]
    assert rows(database, "SELECT count(*) FROM conversations") == [(1,)]


def test_one_behind_which_something_else_was_asked_is_asked_anew_behind_that(conversations, database) -> None:
    for answer, key in (("a1", KEY), ("a2", None)):
        ask(conversations, answer, key)
        fail(conversations, database, answer)
    ask(conversations, "a3")
    fail(conversations, database, "a3")
    assert shown_ids(database) == ["q-a1", "a1", "q-a2", "a2", "q-a3", "a3"]


def test_an_answer_that_is_to_be_replaced_is_replaced_once_the_same_is_asked_again(conversations, database) -> None:
    ask(conversations, "a1", None)
    conversations.add_answer(conversation_of(database, "a1"), "a1", ANSWER)
    for answer in ("a2", "a3"):
        ask(conversations, answer, rewind=Rewind("retry", ("a1",)))
        fail(conversations, database, answer)
    assert shown_ids(database) == ["q-a1", "a3"]


def test_something_else_with_the_key_of_a_question_without_an_answer_is_new(conversations, database) -> None:
    ask(conversations, "a1")
    fail(conversations, database, "a1")
    ask(conversations, "a2", replace(KEY, fingerprint="g" * 64))
    fail(conversations, database, "a2")
    assert shown_ids(database) == ["q-a1", "a1", "q-a2", "a2"]


def test_one_that_was_stopped_before_its_first_word_and_is_paid_for_does_not(conversations, database) -> None:
    ask(conversations, "a1")
    stopped = replace(ANSWER, status="interrupted", message=Message("assistant", ()), credits=2)
    conversations.add_answer(conversation_of(database, "a1"), "a1", stopped)
    with pytest.raises(RepeatedError):
        ask(conversations, "a2")


def test_after_a_day_a_key_is_new(conversations, database) -> None:
    ask(conversations, "a1")
    database.write(lambda connection: connection.exec_driver_sql("UPDATE messages SET asked_again_until = 1"))
    assert ask(conversations, "a2", session="another").answer_id == "a2"
    assert rows(database, "SELECT id FROM messages WHERE request_key IS NOT NULL") == [("a2",)]


def test_questions_without_a_key_are_never_the_same(conversations) -> None:
    for answer in ("a1", "a2"):
        assert ask(conversations, answer, None, session=answer).answer_id == answer


OTHER = RequestKey("o" * 64, "p" * 64)
MAKING_ROOM = {
    "retried": Rewind("retry", ("a1",)),
    "answered again": Rewind("again", ("q-a1",)),
    "edited": Rewind("edit", ("q-a1",)),
    "the same again": Rewind("repeat"),
}


@pytest.mark.parametrize("anew", [None, OTHER])
@pytest.mark.parametrize("how", MAKING_ROOM)
@pytest.mark.parametrize("said", [(), (TextPart("Well"),)])
def test_an_answer_that_has_made_room_is_still_its_keys(conversations, database, how, said, anew) -> None:
    """Also one without a word, of which the same key would be free: the question has another answer by now."""
    ask(conversations, "a1")
    ended = replace(ANSWER, status="failed", finish_reason="error", message=Message("assistant", said))
    conversations.add_answer(conversation_of(database, "a1"), "a1", ended)
    asked = {"q-a2": text_message("user", "x")} if how in {"edited", "the same again"} else {}
    ref = ConversationRef("demo", "widget", "key:1", "s")
    entry = QuestionEntry(ref, asked, 9, "a2", request_key=anew, rewind=MAKING_ROOM[how])
    conversations.add_question(entry, lambda _conversation: None)
    stored = rows(database, "SELECT id, status FROM messages ORDER BY id")
    assert ("a1", "superseded") in stored
    for ends in (False, True):
        if ends:
            conversations.add_answer(conversation_of(database, "a1"), "a2", ANSWER)
            stored = rows(database, "SELECT id, status FROM messages ORDER BY id")
        with pytest.raises(RepeatedError) as repeated:
            ask(conversations, "a3")
        assert repeated.value.answer_id == "a1"
        assert refusal(conversations, replace(KEY, fingerprint="g" * 64)) is Problem.REUSED
    assert rows(database, "SELECT id, status FROM messages ORDER BY id") == stored


def test_after_a_day_its_key_is_new(conversations, database) -> None:
    ask(conversations, "a1")
    conversations.add_answer(conversation_of(database, "a1"), "a1", ANSWER)
    ask(conversations, "a2", None, rewind=Rewind("retry", ("a1",)))
    conversations.add_answer(conversation_of(database, "a1"), "a2", ANSWER)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE messages SET asked_again_until = 1"))
    assert ask(conversations, "a3").answer_id == "a3"
    assert shown_ids(database) == ["q-a1", "a2", "q-a3", "a3"]


def refusal(store: ConversationStore, key: RequestKey) -> Problem:
    with pytest.raises(ChatError) as refused:
        ask(store, "refused", key)
    return refused.value.problem


@pytest.mark.parametrize("status", ["failed", "interrupted"])
@pytest.mark.parametrize("said", [(), (TextPart("Well"),)])
def test_an_answer_that_went_on_counts_by_what_it_has_said_since(conversations, database, status, said) -> None:
    waiting = (ToolCallPart("call", "confirm", {}),)
    ask(conversations, "a1", None)
    conversation = conversation_of(database, "a1")
    asked = replace(ANSWER, message=Message("assistant", waiting), finish_reason="tool-calls")
    conversations.add_answer(conversation, "a1", asked)
    result = ToolResultPart("call", "confirm", "yes", is_error=False)
    rewind = Rewind("resume", ("msg_a1",), {"call": result}, frozenset({"confirm"}))
    entry = QuestionEntry(ConversationRef("demo", "widget", "key:1", "s"), {}, 9, "x", rewind=rewind, request_key=KEY)
    conversations.add_question(entry, lambda _conversation: None)
    ended = replace(ANSWER, status=status, message=Message("assistant", (*waiting, result, *said)))
    conversations.add_answer(conversation, "a1", ended)
    if said:
        with pytest.raises(RepeatedError):
            conversations.refuse_repeated(entry)
    else:
        conversations.refuse_repeated(entry)
        assert conversations.add_question(entry, lambda _conversation: None).answer_id == "a1"
