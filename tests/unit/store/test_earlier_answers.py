"""A part of an answer stays its own request's when the answer goes on: who asks the same again takes nothing from
what followed."""

from dataclasses import replace

import pytest
from sqlalchemy import insert
from support.database import rows

from app.engine.conversation import ConversationRef, QuestionEntry, RequestKey, Rewind
from app.engine.errors import ChatError, Problem, RepeatedError
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, ToolResultPart, Usage, text_message
from app.store.answer_states import AnswerStates
from app.store.chats import ChatStore
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.earlier_answers import MOST_FORGOTTEN
from app.store.erasing import Eraser, each_noted, of_end_user
from app.store.tables import earlier_answers

KEY, OTHER = RequestKey("k" * 64, "f" * 64), RequestKey("o" * 64, "p" * 64)
WAITING = (TextPart("Sure?"), ToolCallPart("call", "confirm", {}))
RESULT = ToolResultPart("call", "confirm", "yes", is_error=False)
ASKING = AnswerRecord(Message("assistant", WAITING), "complete", "tool-calls", Usage(3, 2), "m", 1)
DONE = AnswerRecord(Message("assistant", (*WAITING, RESULT, TextPart("Done"))), "complete", "stop", Usage(9, 1), "n", 1)
GONE_ON = Rewind("resume", ("msg_a1",), {"call": RESULT}, frozenset({"confirm"}))


def ask(store: ConversationStore, key: RequestKey | None, answer: str = "a1", session: str = "s") -> str:
    """The conversation, in which the question stands, and runs its answer."""
    conversation: list[str] = []
    ref = ConversationRef("demo", "chats", "user:1", session, end_user="ada")
    entry = QuestionEntry(ref, {f"q-{answer}": text_message("user", "x")}, 9, answer, request_key=key)
    store.add_question(replace(entry, rewind=Rewind("edit", ("q-a1",))), conversation.append)
    return conversation[0]


def wait_for_output(store: ConversationStore, key: RequestKey | None = KEY) -> str:
    """The conversation of a1, which has asked its page something."""
    conversation = ask(store, key)
    store.add_answer(conversation, "a1", ASKING)
    return conversation


def go_on(store: ConversationStore, key: RequestKey | None, answer: AnswerRecord | None = DONE) -> None:
    """With the output that a1 waits for, or waited for."""
    ids: list[str] = []
    ref = ConversationRef("demo", "chats", "user:1", "s")
    store.add_question(QuestionEntry(ref, {}, 9, "x", rewind=GONE_ON, request_key=key), ids.append)
    if answer:
        store.add_answer(ids[0], "a1", answer)


def forget(database: Database) -> None:
    """As a day later."""
    database.write(lambda connection: connection.exec_driver_sql("UPDATE earlier_answers SET asked_again_until = 1"))


def kept(database: Database) -> list[str]:
    return [key for (key,) in rows(database, "SELECT request_key FROM earlier_answers ORDER BY request_key")]


@pytest.mark.parametrize("key", [None, OTHER])
@pytest.mark.parametrize("answer", [None, DONE])
def test_an_answer_that_has_gone_on_is_still_its_first_keys(conversations, database, key, answer) -> None:
    wait_for_output(conversations)
    go_on(conversations, key, answer)
    stored = rows(database, "SELECT * FROM messages ORDER BY sequence")
    with pytest.raises(RepeatedError) as repeated:
        ask(conversations, KEY, "a2")
    assert repeated.value.answer_id == "a1"
    with pytest.raises(ChatError) as refused:
        ask(conversations, replace(KEY, fingerprint="g" * 64), "a2")
    assert refused.value.problem is Problem.REUSED
    assert rows(database, "SELECT * FROM messages ORDER BY sequence") == stored
    told = AnswerStates(database).asked_with(KEY.key)
    assert told
    assert (told.id, told.question_id, told.status, told.message.parts) == ("a1", "q-a1", "complete", WAITING)
    assert (told.finish_reason, told.usage, told.credits, told.model) == ("tool-calls", Usage(3, 2), 1, "m")


def test_each_of_its_parts_is_its_own_keys(conversations, database) -> None:
    wait_for_output(conversations)
    go_on(conversations, OTHER)
    with pytest.raises(RepeatedError):
        go_on(conversations, OTHER)
    told = AnswerStates(database).asked_with(OTHER.key)
    assert told
    assert (told.message, told.usage, told.credits) == (DONE.message, Usage(12, 3), 2)


def test_what_was_dropped_is_not_asked_for_again_and_nothing_else_is_told_for_it(conversations, database) -> None:
    wait_for_output(conversations)
    half = replace(DONE, message=Message("assistant", (*WAITING, RESULT, TextPart("Do"))), status="interrupted")
    for key, answer in ((OTHER, half), (None, DONE)):
        go_on(conversations, key, answer)
    with pytest.raises(RepeatedError):
        go_on(conversations, OTHER)
    states = AnswerStates(database)
    with pytest.raises(ChatError) as changed:
        states.asked_with(OTHER.key)
    assert changed.value.problem is Problem.CHANGED
    first = states.asked_with(KEY.key)
    assert first
    assert first.message.parts == WAITING


def test_a_part_is_told_as_it_had_ended_whatever_made_room_since(conversations, database) -> None:
    wait_for_output(conversations)
    go_on(conversations, None, replace(DONE, status="failed"))
    ask(conversations, None, "a2")
    told = AnswerStates(database).asked_with(KEY.key)
    assert told
    assert (told.status, told.finish_reason, told.message.parts) == ("complete", "tool-calls", WAITING)


def test_a_key_is_forgotten_after_a_day(conversations, database) -> None:
    wait_for_output(conversations)
    go_on(conversations, None)
    forget(database)
    assert ask(conversations, KEY, "a2")
    assert rows(database, "SELECT id FROM messages WHERE request_key IS NOT NULL") == [("a2",)]


def test_a_key_whose_day_is_over_when_its_answer_goes_on_is_not_kept(conversations, database) -> None:
    wait_for_output(conversations)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE messages SET asked_again_until = 1"))
    go_on(conversations, None)
    assert kept(database) == []


def test_only_answers_that_were_asked_for_with_a_key_are_kept_and_old_ones_leave_in_pieces(
    conversations, database
) -> None:
    wait_for_output(conversations, None)
    go_on(conversations, None)
    assert kept(database) == []
    old = [f"{number:064}" for number in range(MOST_FORGOTTEN + 5)]
    column = {
        "fingerprint": "f",
        "asked_again_until": 1,
        "answer_id": "a1",
        "said": 0,
        "digest": "d",
        "status": "failed",
    }
    values = [{"request_key": key, **column} for key in old]
    database.write(lambda connection: connection.execute(insert(earlier_answers), values))
    go_on(conversations, KEY)
    assert len(kept(database)) == len(old)
    for key, left in ((OTHER, 6), (None, 2)):
        go_on(conversations, key)
        assert len(kept(database)) == left
    assert kept(database) == [KEY.key, OTHER.key]


@pytest.mark.parametrize("how", ["deleted", "erased"])
def test_with_its_conversation_its_keys_go(conversations, database, how) -> None:
    conversation = wait_for_output(conversations)
    go_on(conversations, OTHER)
    if how == "deleted":
        ChatStore(database).delete(conversation)
    else:
        Eraser(database).erase(of_end_user("ada"), each_noted("test"))
    assert kept(database) == []
    assert AnswerStates(database).asked_with(KEY.key) is None
    assert ask(conversations, KEY, "a2") != conversation
