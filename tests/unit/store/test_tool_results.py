"""Results that callers bring one by one, and answers that go on behind them; over the wire in tests/wires/agents."""

import pytest
from support.database import REF, ask, rows
from support.fakes import problem_of

from app.engine.conversation import QuestionEntry, Rewind
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, Part, TextPart, ToolCallPart, ToolResultPart, Usage
from app.store.tool_results import ToolResultStore

TOOLS = frozenset({"confirm"})
PAGE, OTHER, SERVER = (
    ToolCallPart(each, name, {}) for each, name in (("c", "confirm"), ("d", "confirm"), ("s", "sum"))
)
BROUGHT, OWN = ToolResultPart("c", "confirm", "yes", is_error=False), ToolResultPart("s", "sum", "42", is_error=False)
REFUSED_ONE = ToolResultPart("c", "confirm", "yes", is_error=True)
SO = TextPart("So")


@pytest.fixture
def results(database) -> ToolResultStore:
    return ToolResultStore(database)


def answer(conversations, *said: Part, status: str = "complete", reason: str = "tool-calls") -> str:
    """The id of a conversation whose last answer, a1, is this."""
    conversation, _ = ask(conversations, REF, 30, q1="why", answer="a1")
    record = AnswerRecord(Message("assistant", said), status, reason, Usage(3, 2), "m")
    conversations.add_answer(conversation, "a1", record)
    return conversation


ADDED = {  # what is stored, status, finish reason -> what becomes of the result "yes" of the call "c"
    "it waits": ((SERVER, OWN, PAGE), "complete", "tool-calls", None),
    "it waits beside another": ((OTHER, PAGE), "complete", "tool-calls", None),
    "it is there": ((PAGE, BROUGHT), "complete", "tool-calls", None),
    "it is there, and the answer has ended": ((PAGE, BROUGHT, SO), "complete", "stop", None),
    "it is there, and the answer broke off": ((PAGE, BROUGHT, SO), "interrupted", "other", None),
    "the call has failed": ((PAGE, REFUSED_ONE), "complete", "tool-calls", Problem.CHANGED),
    "no such call": ((OTHER,), "complete", "tool-calls", Problem.MESSAGE_NOT_FOUND),
    "the server's": ((ToolCallPart("c", "sum", {}),), "complete", "tool-calls", Problem.MESSAGE_NOT_FOUND),
    "interrupted": ((PAGE,), "interrupted", "tool-calls", Problem.MESSAGE_NOT_FOUND),
    "failed": ((PAGE,), "failed", "error", Problem.MESSAGE_NOT_FOUND),
    "ended otherwise": ((PAGE,), "complete", "stop", Problem.MESSAGE_NOT_FOUND),
}


@pytest.mark.parametrize("name", ADDED)
def test_a_result_is_stored_where_the_last_answer_waits_for_it(conversations, database, results, name) -> None:
    said, status, reason, problem = ADDED[name]
    conversation = answer(conversations, *said, status=status, reason=reason)
    before = rows(database, "SELECT * FROM messages")
    if problem:
        assert problem_of(lambda: results.add(conversation, "c", "yes", TOOLS)) is problem
        assert rows(database, "SELECT * FROM messages") == before
        return
    results.add(conversation, "c", "yes", TOOLS)
    assert (rows(database, "SELECT * FROM messages") == before) == (BROUGHT in said)
    results.add(conversation, "c", "yes", TOOLS)
    assert problem_of(lambda: results.add(conversation, "c", "no", TOOLS)) is Problem.CHANGED
    assert rows(database, "SELECT status, finish_reason FROM messages WHERE id = 'a1'") == [(status, reason)]


def test_a_conversation_without_an_answer_waits_for_nothing(conversations, results) -> None:
    conversation, _ = ask(conversations, REF, 30, q1="why")
    assert results.last_answer("f" * 32) is None
    assert problem_of(lambda: results.add("f" * 32, "c", "yes", TOOLS)) is Problem.MESSAGE_NOT_FOUND
    assert problem_of(lambda: results.add(conversation, "c", "yes", TOOLS)) is Problem.MESSAGE_NOT_FOUND


def test_an_answer_that_is_being_made_is_the_last_one(conversations, results) -> None:
    conversation = answer(conversations, PAGE)
    results.add(conversation, "c", "yes", TOOLS)
    conversations.add_question(entry(), lambda _: None)
    assert results.last_answer(conversation) == "a1"
    results.add(conversation, "c", "yes", TOOLS)
    assert problem_of(lambda: results.add(conversation, "c", "no", TOOLS)) is Problem.CHANGED
    assert problem_of(lambda: conversations.add_question(entry(), lambda _: None)) is Problem.BUSY


def entry(answer_id: str = "a1") -> QuestionEntry:
    return QuestionEntry(REF, {}, 30, "a2", rewind=Rewind("continue", (answer_id,), client_tools=TOOLS))


CONTINUED = {  # what is stored, status, finish reason -> what goes on; None: it is refused
    "all is there": ((SERVER, PAGE, OWN, BROUGHT), "complete", "tool-calls", (SERVER, PAGE, OWN, BROUGHT)),
    "one is missing": ((OTHER, PAGE, BROUGHT), "complete", "tool-calls", None),
    "none is there": ((PAGE,), "complete", "tool-calls", None),
    "the server's alone": ((SERVER, OWN), "complete", "tool-calls", None),
    "it has ended": ((PAGE, BROUGHT, SO), "complete", "stop", None),
    "it failed behind them": ((PAGE, BROUGHT, SO), "failed", "error", (PAGE, BROUGHT)),
    "it broke off in the server's": ((PAGE, BROUGHT, SERVER), "interrupted", "other", (PAGE, BROUGHT)),
    "it broke off in another call": ((PAGE, BROUGHT, OTHER), "interrupted", "other", (PAGE, BROUGHT)),
    "it broke off before": ((PAGE,), "interrupted", "other", None),
    "nothing was called": ((SO,), "failed", "error", None),
}


@pytest.mark.parametrize("name", CONTINUED)
def test_an_answer_goes_on_behind_the_results_that_were_brought(conversations, database, name) -> None:
    said, status, reason, left = CONTINUED[name]
    answer(conversations, *said, status=status, reason=reason)
    before = rows(database, "SELECT * FROM messages")
    if left is None:
        assert problem_of(lambda: conversations.add_question(entry(), lambda _: None)) is Problem.INVALID
        assert rows(database, "SELECT * FROM messages") == before
        return
    stored = conversations.add_question(entry(), lambda _: None)
    assert (stored.answer_id, stored.question_id, stored.resumed) == ("a1", "q1", Message("assistant", left))
    assert stored.usage_before == Usage(3, 2)
    conversations.abandon(entry())
    assert rows(database, "SELECT status FROM messages WHERE id = 'a1'") == [("interrupted",)]


def test_only_the_last_answer_goes_on(conversations) -> None:
    answer(conversations, PAGE, BROUGHT)
    assert problem_of(lambda: conversations.add_question(entry("a0"), lambda _: None)) is Problem.MESSAGE_NOT_FOUND
