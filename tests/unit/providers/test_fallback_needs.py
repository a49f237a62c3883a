"""Models that do not take what a question needs are left out, as long as there is one that does."""

from dataclasses import replace
from typing import Any

import pytest
from support.fallback import FAILED, SPEAKS, Stub, failure, fallback, heard

from app.engine.agent import AnswerFormat
from app.engine.messages import ImagePart, Message, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.needs import Need
from app.engine.prompt import Prompt
from app.testing.provider_apis import make_prompt

IMAGE = Message("user", (TextPart("What is this?"), ImagePart("https://example.com/a.png")))
FOUND = Message("assistant", (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", "12", is_error=False)))


def taking(*needs: Need, plays: Any = SPEAKS) -> Stub:
    stub = Stub(plays)
    stub.takes = frozenset(needs)
    return stub


def showing(*messages: Message, **options: Any) -> Prompt:
    return replace(make_prompt(**options), messages=messages)


@pytest.mark.parametrize(
    ("prompt", "answers"),
    [
        (make_prompt(), "m1"),
        (make_prompt(stop=("END",)), "m2"),
        (make_prompt(format=AnswerFormat()), "m3"),
        (showing(IMAGE), "m3"),
        (showing(IMAGE, stop=("END",)), "m3"),
        (showing(IMAGE, FOUND), "m3"),
        (showing(IMAGE, text_message("assistant", "A cat."), text_message("user", "Sure?")), "m1"),
    ],
)
def test_the_first_that_takes_all_of_it_answers(prompt, answers) -> None:
    models = fallback(taking(), taking("stop"), taking("images", "stop", "json"))
    assert heard(models, prompt=prompt)[0] == answers


def test_one_that_does_not_is_not_asked_when_those_that_do_fail() -> None:
    blind, seeing, other = taking(), taking("images", plays=FAILED), taking("images", plays=FAILED)
    failure(lambda: heard(fallback(blind, seeing, other), prompt=showing(IMAGE)))
    assert [len(model.opened) for model in (blind, seeing, other)] == [0, 1, 2]


def test_where_none_does_all_are_asked_as_ever() -> None:
    first, second = taking("stop", plays=FAILED), taking()
    assert heard(fallback(first, second), prompt=showing(IMAGE))[0] == "m2"
    assert len(first.opened) == 1


def test_a_later_round_stays_with_its_model() -> None:
    assert heard(fallback(taking(), taking("images")), model="m1", prompt=showing(IMAGE))[0] == "m1"


def test_what_is_lacking_is_what_the_best_of_them_does_not_take() -> None:
    models = fallback(taking("stop"), taking("images", "stop"), taking())
    assert models.lacks(frozenset()) == set()
    assert models.lacks(frozenset({"images", "stop"})) == set()
    assert models.lacks(frozenset({"images", "json"})) == {"json"}
    assert models.lacks(frozenset({"calls"})) == {"calls"}
