"""Rows of questions that come after they were given up are ended, and nobody else's are."""

from dataclasses import dataclass

import pytest
from support.database import ask, new_store, rows, write_locked
from support.fakes import problem_of

from app.engine.conversation import ConversationRef
from app.engine.errors import Problem
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.late_questions import LATE_SECONDS, LateQuestions

STATES = "SELECT id, status, held FROM messages WHERE role = 'assistant' ORDER BY id"


@dataclass
class Case:
    database: Database
    store: ConversationStore
    time: float = 100.0

    def __post_init__(self) -> None:
        self.late = LateQuestions(self.store, lambda: self.time)
        self.late.expect("a1")

    def comes(self, answer: str = "a1") -> None:
        ask(self.store, ConversationRef("demo", "widget", "key:1", answer), answer=answer, **{f"q-{answer}": "x"})

    def states(self) -> list[tuple]:
        self.late.end()
        return rows(self.database, STATES)


@pytest.fixture
def case(database) -> Case:
    return Case(database, new_store(database))


def test_one_that_comes_is_ended_and_what_others_have_asked_goes_on(case) -> None:
    assert case.states() == []
    for answer in ("a1", "a2"):
        case.comes(answer)
    assert case.states() == [("a1", "interrupted", 0), ("a2", "running", 0)]


def test_it_is_not_looked_for_for_ever(case) -> None:
    case.time += LATE_SECONDS
    assert case.states() == []
    case.comes()
    assert case.states() == [("a1", "running", 0)]


def test_time_in_which_the_database_cannot_be_written_does_not_count(case) -> None:
    case.comes("a2")
    with write_locked(case.database):
        case.time += LATE_SECONDS
        case.late.expect("a2")
        assert problem_of(case.late.end) is Problem.STORE_UNAVAILABLE
    case.time += LATE_SECONDS - 1
    case.comes()
    assert case.states() == [("a1", "interrupted", 0), ("a2", "interrupted", 0)]


def test_one_that_is_asked_once_more_is_left_alone(case) -> None:
    case.late.forget("a1")
    case.comes()
    assert case.states() == [("a1", "running", 0)]
