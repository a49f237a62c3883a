"""What a question holds of its payer's budget."""

import pytest
from support.fakes import AGENT, REF, TAKER

from app.engine.agent import Agent
from app.engine.conversation import Charge, Payer
from app.engine.messages import text_message
from app.engine.question import Question

PRICES = {"fake": 1, "dear": 7, "free": 0}


def question(payer: Payer | None, *models: str) -> Question:
    agent = Agent(id=AGENT.id, name="A", models=models)
    return Question(agent, REF, [text_message("user", "Hi")], "request-1", payer, TAKER)


@pytest.mark.parametrize(("models", "held"), [(["fake"], 1), (["fake", "dear", "free"], 7), (["free"], 0)])
def test_the_price_of_the_dearest_model_that_may_answer_is_held(models, held) -> None:
    assert question(Payer("k", budgeted=True), *models).charge(PRICES) == Charge("k", held)


def test_for_a_plan_as_many_prices_are_held_as_it_may_have_to_pay() -> None:
    asked = question(Payer("k", budgeted=True), "fake", "dear")
    assert [asked.charge(PRICES, most) for most in (0, 1, 5)] == [Charge("k", held) for held in (0, 7, 35)]


def test_nothing_is_held_without_a_budget_and_nothing_charged_without_a_payer() -> None:
    assert question(Payer("k", budgeted=False), "dear").charge(PRICES) == Charge("k", 0)
    assert question(None, "dear").charge(PRICES) is None
