"""What a caller may look up of a request, and what was said up to its answer."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import AnswerRecord, Message, Usage, text_message
from app.store.answer_states import AnswerState, AnswerStates
from app.store.histories import HistoryScope
from app.store.kept_requests import KeptRequests

REF = ConversationRef("demo", "responses", "key:1")
SCOPE = HistoryScope(REF.agent, REF.wire, REF.owner)


@pytest.fixture
def kept(database) -> KeptRequests:
    return KeptRequests(database)


@pytest.fixture
def answers(database) -> AnswerStates:
    return AnswerStates(database)


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]


def ask(
    conversations,
    answers: AnswerStates,
    posted: Sequence[Message],
    question: str,
    answer: str | None,
    *,
    request: Mapping[str, Any] | None = None,
) -> AnswerState:
    ids: list[str] = []
    asked = {uuid.uuid4().hex: text_message("user", question)}
    entry = QuestionEntry(REF, asked, 0, uuid.uuid4().hex, posted=posted, kept=request)
    stored = conversations.add_question(entry, ids.append)
    if answer is not None:
        record = AnswerRecord(text_message("assistant", answer), "complete", "stop", Usage(), "m")
        conversations.add_answer(ids[0], stored.answer_id, record)
    return answers.named(SCOPE, stored.answer_id)


def test_what_is_kept_of_a_request_comes_with_its_answer_while_that_runs_and_later(conversations, answers) -> None:
    for said in (None, "Hello"):
        assert ask(conversations, answers, (), "Hi", said, request={"tools": ["a"]}).request == {"tools": ["a"]}
        assert ask(conversations, answers, (), "Hi", said).request is None


def test_it_is_changed_and_forgotten(conversations, answers, kept) -> None:
    answer = ask(conversations, answers, (), "Hi", "Hello", request={"a": 1})
    kept.change(answer.id, {"b": 2})
    assert answers.named(SCOPE, answer.id).request == {"b": 2}
    kept.change(answer.id, None)
    assert answers.named(SCOPE, answer.id).request is None
    assert texts([answers.named(SCOPE, answer.id).message]) == ["Hello"]


def test_a_chain_of_answers_is_said_from_its_begin_whichever_branch_it_is(conversations, answers, kept) -> None:
    answer = ask(conversations, answers, [text_message("system", "Be brief.")], "1", "one")
    first = ["Be brief.", "1", "one"]
    assert texts(kept.said(answer, 100)) == first
    for number in range(2, 6):
        branch = ask(conversations, answers, kept.said(answer, 100), "other", f"branch {number}")
        assert texts(kept.said(branch, 100)) == [*texts(kept.said(answer, 100)), "other", f"branch {number}"]
        answer = ask(conversations, answers, kept.said(answer, 100), str(number), f"answer {number}")
    chain = [*first, *(text for number in range(2, 6) for text in (str(number), f"answer {number}"))]
    assert texts(kept.said(answer, 100)) == chain
    assert texts(kept.said(answer, 3)) == chain[-3:]


def test_an_answer_that_is_being_made_has_said_nothing_yet(conversations, answers, kept) -> None:
    running = ask(conversations, answers, [text_message("user", "0"), text_message("assistant", "zero")], "1", None)
    assert texts(kept.said(running, 100)) == ["0", "zero", "1"]
