"""Conversations read back, within a scope and page by page."""

from dataclasses import replace

import pytest
from support.database import REF, ask
from support.fakes import problem_of

from app.engine.conversation import QuestionEntry, Rewind
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, ToolResultPart, Usage
from app.store.archive import Archive
from app.store.chats import ChatStore
from app.store.histories import ConversationFilter, HistoryScope, HistoryStore

SCOPE = HistoryScope(REF.agent, REF.wire, REF.owner)
ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")


@pytest.fixture
def histories(database) -> HistoryStore:
    return HistoryStore(database)


FILTERS = {  # what is asked for, and the numbers of the conversations
    "all": ({}, [6, 5, 4, 3, 2, 1]),
    "by activity": ({"by_activity": True}, [1, 2, 3, 4, 5, 6]),
    "of an end user": ({"end_user": "bob"}, [6, 4, 2]),
    "from a moment on, which belongs to it": ({"created_from": 40}, [6, 5, 4]),
    "until a moment, which does not belong to it": ({"created_until": 40}, [3, 2, 1]),
    "of nobody": ({"end_user": "eve"}, []),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("limit", [1, 2, 6])
def test_pages_together_are_the_list_whatever_their_size(histories, six, name, limit) -> None:
    filters, numbers = FILTERS[name]
    listed, cursor, more = [], None, True
    while more:
        page = histories.conversations(SCOPE, ConversationFilter(limit, **filters, cursor=cursor))
        assert (len(page.items) <= limit, page.total) == (True, len(numbers))
        listed += page.items
        more = page.has_more
        last = listed[-1] if listed else None
        cursor = last and (last.updated_at if filters.get("by_activity") else last.created_at, last.id)
    assert [six.index(each.id) + 1 for each in listed] == numbers


def test_conversations_of_the_same_millisecond_are_on_one_page_each(histories, six, database) -> None:
    database.write(lambda connection: connection.exec_driver_sql("UPDATE conversations SET created_at = 5"))
    first = histories.conversations(SCOPE, ConversationFilter(3)).items
    rest = histories.conversations(SCOPE, ConversationFilter(9, cursor=(5, first[-1].id))).items
    assert [each.id for each in (*first, *rest)] == sorted(six, reverse=True)


@pytest.mark.parametrize(
    "scope",
    [
        HistoryScope("other", "widget", "key:1"),
        HistoryScope("demo", "agents", "key:1"),
        HistoryScope("demo", "widget", "k"),
    ],
    ids=["agent", "wire", "owner"],
)
def test_what_lies_outside_of_the_scope_is_not_there(histories, conversations, scope) -> None:
    conversation, _ = ask(conversations, q="x")
    tries = (
        lambda: histories.conversation(scope, conversation),
        lambda: histories.messages(scope, conversation, 9, None),
        lambda: histories.set_state(scope, conversation, "paused"),
        lambda: histories.rate(scope, conversation, "q", "positive"),
    )
    assert [problem_of(each) for each in tries] == [Problem.NOT_FOUND] * 4
    assert histories.latest(scope, None, 9) is None
    assert histories.conversations(scope, ConversationFilter(9)).items == []
    assert histories.conversation(SCOPE, conversation).state == "ongoing"


def test_messages_are_read_from_the_last_one_back_without_those_that_are_superseded(
    histories, conversations, database
) -> None:
    conversation, _ = ask(conversations, a="1", b="2", c="3", d="4")
    database.write(
        lambda connection: connection.exec_driver_sql("UPDATE messages SET status='superseded' WHERE id='c'")
    )
    page = histories.messages(SCOPE, conversation, 2, None)
    assert ([each.id for each in page.items], page.has_more, page.total) == (["b", "d"], True, 3)
    page = histories.messages(SCOPE, conversation, 2, page.items[0].sequence)
    assert ([each.id for each in page.items], page.has_more, page.total) == (["a"], False, 3)
    (whole,) = Archive(database).export("demo", None)
    assert [each.id for each in whole.messages] == ["a", "b", "c", "d"]


@pytest.mark.usefixtures("six")
def test_the_latest_conversation_is_the_one_that_was_active_last(histories) -> None:
    conversation, external_id, page = histories.latest(SCOPE, None, 9)
    assert (external_id, [each.message.text for each in page.items]) == ("s1", ["1"])
    assert histories.messages(SCOPE, conversation, 9, None).items == page.items
    assert histories.latest(SCOPE, "s4", 9)[2].items[0].message.text == "4"
    assert histories.latest(SCOPE, "s9", 9) is None


def test_only_an_answer_is_rated_and_the_rating_can_be_taken_back(histories, conversations) -> None:
    conversation, _ = ask(conversations, question="x", answer="answer")
    conversations.add_answer(conversation, "answer", ANSWER)
    for feedback in ("negative", "positive", None):
        assert histories.rate(SCOPE, conversation, "answer", feedback).feedback == feedback
    refused = [
        problem_of(lambda id_=id_: histories.rate(SCOPE, conversation, id_, "positive")) for id_ in ("question", "x")
    ]
    assert refused == [Problem.NOT_AN_ANSWER, Problem.MESSAGE_NOT_FOUND]


def test_no_reader_sees_an_answer_that_is_being_made_also_where_it_goes_on(histories, conversations, database) -> None:
    """What it had said before is read again when it has ended, and is the whole time in its row."""
    conversation, _ = ask(conversations, question="x", answer="answer")
    calls = ToolCallPart("1", "confirm", {})
    waiting = replace(ANSWER, message=Message("assistant", (calls,)), finish_reason="tool-calls")
    conversations.add_answer(conversation, "answer", waiting)
    results = {"1": ToolResultPart("1", "confirm", "y", is_error=False)}
    resume = Rewind("resume", ("answer",), results, frozenset({"confirm"}))
    entry = QuestionEntry(REF, {}, 9, "new", rewind=resume)
    assert conversations.add_question(entry, lambda _: None).answer_id == "answer"
    database.write(lambda c: c.exec_driver_sql("UPDATE conversations SET channel = 'chats'"))
    chats, scope = ChatStore(database), replace(SCOPE, wire="chats")
    readers = (
        lambda: [each.id for each in histories.messages(scope, conversation, 9, None).items],
        lambda: [each.id for each in histories.latest(scope, None, 9)[2].items],
        lambda: [each.id for whole in Archive(database).export("demo", None) for each in whole.messages],
        lambda: [each.id for each in chats.messages(conversation, 9).items],
    )
    assert [read() for read in readers] == [["question"]] * 4
    assert histories.messages(scope, conversation, 9, None).total == 1
    assert problem_of(lambda: histories.rate(scope, conversation, "answer", "positive")) is Problem.MESSAGE_NOT_FOUND
    conversations.add_answer(conversation, "answer", ANSWER)
    assert [read() for read in readers] == [["question", "answer"]] * 4
