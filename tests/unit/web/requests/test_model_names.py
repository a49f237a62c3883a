"""By which names callers of vendors' APIs ask for an agent, and who answers then."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.configuration import load_configuration
from app.engine.agent import Agent
from app.engine.errors import ChatError, Problem
from app.main import create_app
from app.web.requests.model_names import agent_called, models_of

CONFIG = """
[models.first]
provider = "builtin"
aliases = ["gpt-4"]

[models.second]
provider = "scripted"
aliases = ["small"]

[models.other]
provider = "scripted"
aliases = ["gpt-5"]

[agents.demo]
model = ["first", "second"]

[agents.shop]
model = "other"
"""
AGENT = Agent(id="demo", name="Demo", models=("first", "second"))


@pytest.fixture(scope="module", autouse=True)
def _context(tmp_path_factory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    (home / "own.toml").write_text(CONFIG)
    environment = {"PARLANCE_HOME": str(home), "PARLANCE_CONFIG": str(home / "own.toml")}
    with create_app(load_configuration(environment)).app_context():
        yield


@pytest.mark.parametrize("called", ["demo", "first", "gpt-4"])
def test_the_agent_and_its_first_model_bring_those_that_stand_in(called) -> None:
    assert agent_called(AGENT, called) == AGENT


@pytest.mark.parametrize("called", ["second", "small"])
def test_another_of_its_models_answers_alone(called) -> None:
    assert agent_called(AGENT, called) == replace(AGENT, models=("second",))


@pytest.mark.parametrize("called", ["shop", "other", "gpt-5", "gpt-4o", "Demo", "", "first ", "x" * 256])
def test_anything_else_is_not_there_even_where_another_key_may_ask_it(called) -> None:
    with pytest.raises(ChatError) as refused:
        agent_called(AGENT, called)
    assert refused.value.problem is Problem.MODEL_NOT_FOUND
    assert len(refused.value.message) < 200


def test_an_agent_with_the_name_of_its_model_is_listed_once() -> None:
    assert [*models_of(AGENT)] == ["demo", "first", "second"]
    assert [*models_of(replace(AGENT, id="second"))] == ["second", "first"]
