"""Sums over messages, at both databases."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from sqlalchemy import insert

from app.store.database import Database
from app.store.tables import conversations, messages
from app.store.usage import BY, Sums, usage

DAY = 86_400_000
ANSWER = {
    "role": "assistant",
    "parts": [],
    "status": "complete",
    "finish_reason": "stop",
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "model": "gpt",
    "created_at": DAY,
    "credits": 2,
    "payer": "k1",
}
_numbers: Iterator[int] = count(1)


@pytest.fixture(autouse=True)
def _two_conversations(database) -> None:
    rows = [
        {"id": agent, "agent": agent, "wire": "widget", "owner": "o", "created_at": 0, "updated_at": 0}
        for agent in ("demo", "site")
    ]
    database.write(lambda connection: connection.execute(insert(conversations), rows))


def answer(database: Database, agent: str = "demo", **columns: Any) -> None:
    place = {"id": f"{next(_numbers):032x}", "conversation_id": agent, "sequence": next(_numbers)}
    row = {**ANSWER, **place, **columns}
    database.write(lambda connection: connection.execute(insert(messages), [row]))


def found(database: Database, by: Sequence[str], since: int | None = None) -> list[tuple[Any, ...]]:
    return [(*each.by, each.answers) for each in usage(database.url, by, since)]


def test_answers_are_summed_by_what_is_named(database) -> None:
    answer(database)
    answer(database, model="claude", payer=None)
    answer(database, agent="site", created_at=2 * DAY)
    answer(database, agent="site", created_at=2 * DAY)
    assert found(database, ["agent"]) == [("demo", 2), ("site", 2)]
    assert found(database, ["model"]) == [("claude", 1), ("gpt", 3)]
    assert found(database, ["key"]) == [(None, 1), ("k1", 3)]
    assert found(database, ["agent", "model"]) == [("demo", "claude", 1), ("demo", "gpt", 1), ("site", "gpt", 2)]
    assert len(usage(database.url, BY)) == 3


def test_days_are_those_of_utc(database) -> None:
    for created_at in (DAY - 1, DAY, 2 * DAY - 1, 2 * DAY):
        answer(database, created_at=created_at)
    assert found(database, ["day"]) == [(0, 1), (1, 2), (2, 1)]
    assert found(database, ["day"], since=DAY) == [(1, 2), (2, 1)]
    assert found(database, ["day"], since=3 * DAY) == []


def test_all_that_an_answer_took_is_in_the_sums(database) -> None:
    answer(database)
    answer(database, status="failed", prompt_tokens=None, completion_tokens=None, credits=None)
    answer(database, status="interrupted", completion_tokens=None)
    assert usage(database.url, ["agent"]) == [Sums(("demo",), 3, 1, 20, 5, 4)]


def test_tokens_beyond_32_bits_are_summed(database) -> None:
    for _ in range(3):
        answer(database, prompt_tokens=2**40)
    assert usage(database.url, ["agent"])[0].prompt_tokens == 3 * 2**40


def test_what_was_asked_anew_has_cost_all_the_same(database) -> None:
    answer(database, status="superseded", status_before="failed")
    answer(database, status="superseded", status_before="complete")
    assert usage(database.url, ["agent"]) == [Sums(("demo",), 2, 1, 20, 10, 4)]


def test_questions_what_callers_posted_and_answers_under_way_are_left_out(database) -> None:
    answer(database, role="user", finish_reason=None, model=None)
    answer(database, finish_reason=None, model=None)
    answer(database, status="running", finish_reason=None, worker="w")
    assert usage(database.url, ["agent"]) == []
