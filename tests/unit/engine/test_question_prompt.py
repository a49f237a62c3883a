"""How many tokens the first prompt of a question has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.fakes import AGENT, REF, TAKER, World

from app.engine.agent import Agent, AnswerOptions, ToolChoice, ToolSpec
from app.engine.messages import Message, TextPart, text_message
from app.engine.prompt import Prompt
from app.engine.question import Question
from app.engine.question_prompt import counted_tokens, estimated_tokens_of

BARE = replace(AGENT, tools=())
LOOKUP = ToolSpec("lookup", "Looks it up.", {"type": "object"})


class Counter:
    """Implements what is asked of `AgentModel` here."""

    def __init__(self, count: int | None) -> None:
        self.count = count
        self.prompts: list[Prompt] = []

    def count_tokens(self, prompt: Prompt) -> int | None:
        self.prompts.append(prompt)
        return self.count


def asking(agent: Agent = BARE, *messages: Message, **more: Any) -> Question:
    return Question(agent, REF, messages or (text_message("user", "x" * 40),), "request-1", None, TAKER, **more)


def engine(model: Any = None, plans: Mapping[str, Any] | None = None) -> Any:
    made = World([]).engine
    return replace(made, models={AGENT.models: model}, plans=plans or {})


def test_it_is_what_the_model_says_of_what_it_would_get() -> None:
    model = Counter(7)
    agent = replace(AGENT, instructions="Be brief.", knowledge=("*",))
    assert counted_tokens(engine(model), asking(agent, tools=[LOOKUP])) == 7
    (prompt,) = model.prompts
    assert [message.text for message in prompt.messages] == ["Be brief.", "x" * 40], "knowledge is not looked up"
    assert [tool.name for tool in prompt.tools] == ["echo", "lookup"]
    assert prompt.exchange.request_id == "request-1"


def test_where_it_does_not_say_or_a_workflow_answers_it_is_estimated() -> None:
    assert counted_tokens(engine(Counter(None)), asking()) == 14
    model = Counter(7)
    assert counted_tokens(engine(model, {BARE.id: object()}), asking()) == 14
    assert model.prompts == []


TOOLS = 4 + len("lookupLooks it up.{'type': 'object'}") // 4


@pytest.mark.parametrize(
    ("question", "tokens"),
    [
        (asking(), 14),
        (asking(replace(BARE, instructions="y" * 80)), 14 + 24),
        (asking(BARE, text_message("system", "z" * 8), text_message("user", "x" * 40)), 14 + 6),
        (asking(tools=[LOOKUP]), 14 + TOOLS),
        (asking(tools=[LOOKUP], options=AnswerOptions(tool_choice=ToolChoice("none"))), 14),
        (asking(AGENT), 14 + 4 + len("echoecho{}") // 4),
        (asking(client_history=[text_message("user", "x" * 4)]), 5),
        (asking(so_far=Message("assistant", (TextPart("y" * 20),))), 14 + 9),
        (asking(replace(BARE, history_tokens=14), text_message("user", "a"), text_message("user", "x" * 40)), 14),
    ],
    ids=["bare", "instructions", "system", "tools", "no tools", "own tools", "history", "so far", "cut"],
)
def test_the_estimate_has_all_that_a_model_would_get(question, tokens) -> None:
    assert estimated_tokens_of(engine(), question) == tokens
