"""The built-in model's words as they come: with their blanks, also in scripts without any, and to an end."""

import pytest

from app.engine.agent import Agent, AnswerOptions
from app.engine.chunks import ModelFinished
from app.engine.events import TextDelta
from app.engine.messages import Usage, text_message
from app.engine.prompt import Prompt
from app.providers.local.builtin.model import BuiltinModel


def chunks(order: str, text: str, **options: int) -> list:
    """Of what a workflow orders it to say."""
    prompt = Prompt(
        Agent("demo", "Demo", ("builtin",)),
        [text_message("user", order + text)],
        AnswerOptions(**options),
        order=order,
    )
    return [chunk for batch in BuiltinModel({"pace": 0}).open(prompt, 5) for chunk in batch]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We are open.", ["We", " are", " open."]),
        ("- a\n- b\n\n| c |\n|---|", ["-", " a", "\n-", " b", "\n\n|", " c", " |", "\n|---|"]),
        ("営業は9時から", ["営業", "は", "9", "時か", "ら"]),
        ("我们 open 九点。", ["我们", " open", " 九点", "。"]),
        ("نفتح الساعة 9", ["نفتح", " الساعة", " 9"]),
    ],
)
def test_a_text_comes_word_by_word_and_whole(text, words) -> None:
    *said, finished = chunks("Say: ", text)
    assert [chunk.text for chunk in said] == words
    assert finished == ModelFinished("stop", Usage(len(f"Say: {text}".split()), len(words)))


def test_so_many_tokens_are_so_many_words() -> None:
    *said, finished = chunks("Say: ", "one two 三四五六", max_tokens=3)
    assert said == [TextDelta("one"), TextDelta(" two"), TextDelta(" 三四")]
    assert finished.finish_reason == "length"
