"""What a question holds of its payer's budget, and what it says of the talk that its caller brings."""

from typing import Any

import pytest
from support.fakes import AGENT, REF, TAKER

from app.engine.agent import Agent
from app.engine.conversation import Charge, Payer
from app.engine.messages import Message, ToolCallPart, ToolResultPart, text_message
from app.engine.question import Question

PRICES = {"fake": 1, "dear": 7, "free": 0}


SYSTEM, ASKED, ANSWERED = (
    text_message("system", "Be brief."),
    text_message("user", "Hi"),
    text_message("assistant", "Yes"),
)
ROUND = Message("assistant", (ToolCallPart("a", "look", {}), ToolResultPart("a", "look", "x", is_error=False)))


def question(payer: Payer | None, *models: str, **more: Any) -> Question:
    agent = Agent(id=AGENT.id, name="A", models=models)
    return Question(agent, REF, [ASKED], "request-1", payer, TAKER, **more)


@pytest.mark.parametrize(("models", "held"), [(["fake"], 1), (["fake", "dear", "free"], 7), (["free"], 0)])
def test_the_price_of_the_dearest_model_that_may_answer_is_held(models, held) -> None:
    assert question(Payer("k", budgeted=True), *models).charge(PRICES) == Charge("k", held)


def test_for_a_plan_as_many_prices_are_held_as_it_may_have_to_pay() -> None:
    asked = question(Payer("k", budgeted=True), "fake", "dear")
    assert [asked.charge(PRICES, most) for most in (0, 1, 5)] == [Charge("k", held) for held in (0, 7, 35)]


def test_nothing_is_held_without_a_budget_and_nothing_charged_without_a_payer() -> None:
    assert question(Payer("k", budgeted=False), "dear").charge(PRICES) == Charge("k", 0)
    assert question(None, "dear").charge(PRICES) is None


@pytest.mark.parametrize(
    ("brought", "answered_before", "goes_on"),
    [
        ({}, False, False),
        ({"client_history": [SYSTEM, ASKED]}, False, False),
        ({"client_history": [ASKED, ANSWERED, ASKED]}, True, False),
        ({"client_history": [ASKED], "so_far": ROUND}, True, True),
        ({"client_history": [ASKED, ROUND]}, True, True),  # of callers without a key
    ],
)
def test_what_the_caller_brings_tells_a_first_question_from_one_that_goes_on(brought, answered_before, goes_on) -> None:
    asked = question(None, "fake", **brought)
    assert (asked.answered_before, asked.goes_on) == (answered_before, goes_on)
