"""What answers that run hold of a key's budget, and what they cost when they have ended."""

import uuid
from dataclasses import replace
from itertools import starmap

import gevent
import pytest
from sqlalchemy import text
from support.database import new_store, plan_of, rows
from support.fakes import problem_of

from app.engine.conversation import Charge, ConversationRef, QuestionEntry, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, ToolResultPart, Usage, text_message
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.keys import KeyStore
from app.store.rewinds import apply_rewind

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m", credits=2)


@pytest.fixture
def account(database) -> str:
    """A key with ten credits."""
    KeyStore(database).create("secret", "demo", budget=10)
    return rows(database, "SELECT id FROM keys")[0][0]


def begin(store: ConversationStore, charge: Charge | None, ref: str | None = None, **rewind: Rewind) -> tuple[str, str]:
    """Ask, in a new conversation or one of this name; the conversation's id and the answer's."""
    ids: list[str] = []
    asked = {} if rewind else {uuid.uuid4().hex: text_message("user", "x")}
    conversation = ConversationRef("demo", "agents", "key:1", ref)
    entry = QuestionEntry(conversation, asked, 9, uuid.uuid4().hex, charge=charge, **rewind)
    stored = store.add_question(entry, ids.append)
    return ids[0], stored.answer_id


def state(database: Database) -> tuple[int, int]:
    """What was spent, and what is held."""
    return (
        rows(database, "SELECT spent FROM keys")[0][0],
        rows(database, "SELECT coalesce(sum(held), 0) FROM messages")[0][0],
    )


def test_what_is_held_is_the_sum_over_the_answers_that_run(conversations, database, account) -> None:
    first, second = (begin(conversations, Charge(account, 4)) for _ in range(2))
    assert state(database) == (0, 8)
    assert problem_of(lambda: begin(conversations, Charge(account, 4))) is Problem.EXHAUSTED
    conversations.add_answer(*first, ANSWER, Charge(account, 4))
    assert state(database) == (2, 4)
    third = begin(conversations, Charge(account, 4))
    assert problem_of(lambda: begin(conversations, Charge(account, 1))) is Problem.EXHAUSTED
    for each in (second, third):
        conversations.add_answer(*each, replace(ANSWER, credits=0), Charge(account, 4))
    assert state(database) == (2, 0)
    begin(conversations, Charge("of another key", 0))


def test_two_workers_at_once_do_not_overdraw_a_budget(conversations, database, account) -> None:
    stores = [conversations, new_store(Database(database.url))]

    def race(number: int) -> Problem | None:
        try:
            begin(stores[number % 2], Charge(account, 3))
        except ChatError as error:
            return error.problem
        return None

    racing = [gevent.spawn(race, number) for number in range(12)]
    gevent.joinall(racing, timeout=30, raise_error=True)
    assert sorted(str(each.value) for each in racing) == [*["None"] * 3, *["Problem.EXHAUSTED"] * 9]
    assert state(database) == (0, 9)


def test_an_answer_that_is_lost_is_neither_stored_nor_charged_and_holds_nothing(
    conversations, database, account
) -> None:
    conversation, answer = begin(conversations, Charge(account, 4))
    for table in ("messages", "conversations"):
        database.write(lambda connection, table=table: connection.execute(text(f"DELETE FROM {table}")))
    lost = problem_of(lambda: conversations.add_answer(conversation, answer, ANSWER, Charge(account, 4)))
    assert lost is Problem.LOST
    assert rows(database, "SELECT count(*) FROM messages") == [(0,)]
    assert state(database) == (0, 0)


def test_an_answer_that_goes_on_is_claimed_again_with_what_it_has_said(conversations, database, account) -> None:
    conversation, answer = begin(conversations, Charge(account, 4), "c")
    call = ToolCallPart("1", "confirm", {})
    waiting = replace(ANSWER, message=Message("assistant", (call,)), finish_reason="tool-calls")
    conversations.add_answer(conversation, answer, waiting, Charge(account, 4))
    (created,) = starmap(int, rows(database, "SELECT created_at FROM messages WHERE role = 'assistant'"))
    gevent.sleep(0.01)
    result = ToolResultPart("1", "confirm", "yes", is_error=False)
    resume = Rewind("resume", (answer,), {"1": result}, frozenset({"confirm"}))
    assert begin(conversations, Charge(account, 4), "c", rewind=resume) == (conversation, answer)
    assert state(database) == (2, 4)
    (said,) = rows(database, "SELECT CAST(parts AS text) FROM messages WHERE status = 'running'")
    assert '"tool-result"' in said[0], "a worker that is killed now loses nothing of it"
    assert problem_of(lambda: begin(conversations, None, "c", rewind=resume)) is Problem.BUSY
    assert problem_of(lambda: begin(conversations, None, "c")) is Problem.BUSY
    message = Message("assistant", (call, result, TextPart("Done.")))
    conversations.add_answer(conversation, answer, replace(ANSWER, message=message), Charge(account, 4))
    found = "SELECT credits, prompt_tokens, completion_tokens, status, sequence FROM messages WHERE role = 'assistant'"
    assert rows(database, found) == [(4, 6, 4, "complete", 2)]
    assert rows(database, "SELECT created_at FROM messages WHERE role = 'assistant'") == [(created,)]
    assert state(database) == (4, 0)


@pytest.mark.parametrize("kind", ["retry", "edit", "again", "repeat"])
def test_a_rewind_takes_no_claim_from_the_answer_that_runs(conversations, database, kind) -> None:
    conversation, answer = begin(conversations, None, "c")
    conversations.add_answer(conversation, answer, ANSWER)
    (question,) = rows(database, "SELECT id FROM messages WHERE role = 'user'")[0]
    _, running = begin(conversations, None, "c")
    before = rows(database, "SELECT id, status FROM messages ORDER BY sequence")
    named = {"retry": (answer,), "edit": (question,), "again": (question,), "repeat": ()}[kind]
    rewind = Rewind(kind, named)
    assert problem_of(lambda: begin(new_store(database), None, "c", rewind=rewind)) is Problem.BUSY
    if kind in ("retry", "edit"):  # where the claim is made between the look for it and the rewind
        database.write(lambda connection: apply_rewind(connection, conversation, rewind, {}, {}))
        assert rows(database, "SELECT status FROM messages ORDER BY sequence DESC LIMIT 1") == [("running",)]
        return
    assert rows(database, "SELECT id, status FROM messages ORDER BY sequence") == before
    assert before[-1] == (running, "running")


def test_what_is_asked_of_every_question_reads_few_rows(database) -> None:
    """Both questions are answered by their partial index, whatever lies in the table."""
    plans = {
        "SELECT sum(held) FROM messages WHERE payer = 'k' AND status = 'running' AND held > 0": "ix_messages_held",
        "SELECT 1 FROM messages WHERE conversation_id = 'c' AND status = 'running'": "uq_messages_running",
        "SELECT DISTINCT worker FROM messages WHERE status = 'running'": "uq_messages_running",
    }
    for query, index in plans.items():
        assert index in plan_of(database, query)
