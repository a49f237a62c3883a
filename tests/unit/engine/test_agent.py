"""An agent's ceiling on the length of an answer, and what callers may set below it."""

import pytest
from support.fakes import AGENT, World, finished, play

from app.engine.agent import Agent, AnswerOptions
from app.engine.events import TextDelta


@pytest.mark.parametrize(
    ("asked", "ceiling", "spent", "given"),
    [
        *((None, None, 0, None), (None, None, 9, None), (None, 5, 0, 5), (3, None, 0, 3), (3, 5, 0, 3), (9, 5, 0, 5)),
        *((None, 5, 2, 3), (9, 5, 4, 1), (3, 5, 3, 1), (3, None, 9, 1)),
    ],
)
def test_the_agent_has_a_ceiling_on_the_length_of_an_answer_over_all_its_rounds(asked, ceiling, spent, given) -> None:
    agent = Agent(id="demo", name="A", models=("fake",), max_tokens=ceiling)
    options = AnswerOptions(max_tokens=asked, temperature=0.5, seed=7)
    assert options.within(agent, spent) == AnswerOptions(max_tokens=given, temperature=0.5, seed=7)


def test_models_are_asked_within_the_ceiling() -> None:
    world = World([[TextDelta("Hello"), finished()]])
    agent = Agent(id=AGENT.id, name="A", models=("fake",), max_tokens=5)
    play(world.turn(agent=agent, options=AnswerOptions(max_tokens=9, top_p=0.5)))
    assert world.model.prompts[0].options == AnswerOptions(max_tokens=5, top_p=0.5)
