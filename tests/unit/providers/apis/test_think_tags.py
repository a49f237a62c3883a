"""Thoughts between tags in a model's text."""

from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.engine.chunks import ModelFinished
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled
from app.engine.messages import Usage
from app.providers.apis.think_tags import MOST_BLANKS, MOST_KEPT, TaggedDecoder, ThinkTags
from app.testing.model_server import LAST, chunk, sse, streamed, whole
from app.testing.provider_apis import OPENAI, build_model, chunks_of

# text: thoughts and answer where tags are written in the text, and where the prompt has opened them
TEXTS = {
    "thoughts and an answer": ("<think>hm, so</think>Yes.", ("hm, so", "Yes."), ("hm, so", "Yes.")),
    "with line ends": ("\n<think>\nhm\nso\n</think>\n\nYes.\n", ("hm\nso\n", "Yes.\n"), ("hm\nso\n", "Yes.\n")),
    "an empty pair, as without thinking": ("<think>\n\n</think>\n\nYes.", ("", "Yes."), ("", "Yes.")),
    "no tags": ("Yes, so.", ("", "Yes, so."), ("Yes, so.", "Yes, so.")),
    "no opening tag": ("hm, so\n</think>\n\nYes.", ("", "hm, so\n</think>\n\nYes."), ("hm, so\n", "Yes.")),
    "no closing tag": ("<think>hm, so", ("hm, so", ""), ("hm, so", "hm, so")),
    "half a closing tag": ("<think>hm</thi", ("hm</thi", ""), ("hm</thi", "hm</thi")),
    "half an opening tag": ("<thi", ("", "<thi"), ("", "<thi")),
    "what looks like tags": (
        "<think>a < b </ think> <</think>Yes.",
        ("a < b </ think> <", "Yes."),
        ("a < b </ think> <", "Yes."),
    ),
    "tags within the answer": ("Write <think>x</think>.", ("", "Write <think>x</think>."), ("Write <think>x", ".")),
    "tags after the answer's first": (
        *("<think>hm</think>Yes. <think>x</think>", ("hm", "Yes. <think>x</think>"), ("hm", "Yes. <think>x</think>")),
    ),
    "nothing but thoughts": ("<think>hm</think>\n", ("hm", ""), ("hm", "")),
    "nothing": ("", ("", ""), ("", "")),
}
STOPPED, CUT = ModelFinished("stop", Usage()), ModelFinished("length", Usage())


def read(pieces: list[str], *, opened: bool, last: ModelFinished = STOPPED) -> tuple[str, str]:
    """The thoughts and the answer. The thoughts come first, and no chunk is empty."""
    tags, chunks = ThinkTags(opened=opened), list[Any]()
    for piece in pieces:
        chunks += [TextDelta(piece)] if tags.is_over else tags.feed(piece)
    chunks += tags.finish(last)
    assert all(chunk.text for chunk in chunks if not tags.is_over)
    assert [kind for kind, _ in groupby(map(type, chunks))] in (
        [],
        [ReasoningDelta],
        [TextDelta],
        [ReasoningDelta, TextDelta],
    )
    thoughts, answer = (
        "".join(chunk.text for chunk in chunks if type(chunk) is kind) for kind in (ReasoningDelta, TextDelta)
    )
    return thoughts, answer


@pytest.mark.parametrize("opened", [False, True], ids=["written", "opened"])
@pytest.mark.parametrize("name", TEXTS)
def test_thoughts_are_told_apart_wherever_the_text_is_cut(name, opened) -> None:
    text, *expected = TEXTS[name]
    assert read([text], opened=opened) == expected[opened]
    assert read(list(text), opened=opened) == expected[opened]


@given(st.sampled_from(sorted(TEXTS)), st.booleans(), st.lists(st.integers(0, 40), max_size=6))
def test_any_cut_of_a_text_gives_the_same(name, opened, cuts) -> None:
    text, *expected = TEXTS[name]
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert read([text[start:end] for start, end in pairwise(edges)], opened=opened) == expected[opened]


def test_thoughts_that_were_cut_off_are_no_answer() -> None:
    assert read(["hm, ", "so"], opened=True, last=CUT) == ("hm, so", "")


def test_what_is_kept_is_bounded() -> None:
    assert read([" " * (MOST_BLANKS + 1), "<think>hm</think>x"], opened=False)[1].strip() == "<think>hm</think>x"
    thoughts, answer = read(["x" * MOST_KEPT, "y"], opened=True)
    assert (len(thoughts), answer) == (MOST_KEPT + 1, "")


def test_thoughts_come_as_they_are_written() -> None:
    tags = ThinkTags(opened=False)
    assert [tags.feed(piece) for piece in ("<thi", "nk>", "hm", " so<", "/think", ">", "\n", "Yes", ".")] == [
        *([], [], [ReasoningDelta("hm")], [ReasoningDelta(" so")], [], [], [], [TextDelta("Yes")], [TextDelta(".")]),
    ]


PIECES = ["<th", "ink>h", "m</t", "hink>\n\nYe", "s", "."]
CALL = {"index": 0, "id": "a", "function": {"name": "clock", "arguments": "{}"}}
SAID = [ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("Ye"), TextDelta("s"), TextDelta(".")]


def test_a_model_whose_options_say_so_thinks_between_tags(upstream) -> None:
    upstream.play(OPENAI.answer(*PIECES))
    assert chunks_of(OPENAI.model(upstream.url, think_tags=True)) == [*SAID, ModelFinished("stop", Usage(3, 2))]
    assert [chunk.text for chunk in chunks_of(OPENAI.model(upstream.url))[:-1]] == PIECES


def test_a_model_whose_prompt_opens_its_thoughts(upstream) -> None:
    upstream.play(OPENAI.answer("h", *PIECES[2:]))
    assert chunks_of(OPENAI.model(upstream.url, think_tags="opened"))[:-1] == SAID


def test_a_call_may_follow_thoughts_at_once(upstream) -> None:
    upstream.play([*streamed(OPENAI.text("<think>hm"), OPENAI.delta("tool_calls", tool_calls=[CALL])), LAST])
    assert chunks_of(OPENAI.model(upstream.url, think_tags=True))[:-1] == [
        ReasoningDelta("hm"),
        ToolCalled("a", "clock", {}),
    ]


def test_thoughts_in_one_piece(upstream) -> None:
    message = {"role": "assistant", "content": "".join(PIECES)}
    for answer in (
        whole(sse({"choices": [{"message": message, "finish_reason": "stop"}]})[6:]),
        [*streamed(sse({"choices": [{"message": message, "finish_reason": "stop"}]})), LAST],
    ):
        upstream.play(answer)
        said = chunks_of(OPENAI.model(upstream.url, think_tags=True))[:-1]
        assert said == [ReasoningDelta("hm"), TextDelta("Yes.")]


@pytest.mark.parametrize("value", ["true", "closed", 1, None, [], ""])
def test_the_option_is_true_opened_or_false(value) -> None:
    with pytest.raises(ValidationError):
        build_model("openai", base_url="http://localhost:1/v1", model="m", think_tags=value)


def test_no_text_is_certain_at_a_glance_before_the_thoughts_are_over() -> None:
    decoder = TaggedDecoder((), reasons=True, opened=True)
    for thought in ("so ", "be it ", "then "):
        decoder.event(OPENAI.text(thought).removeprefix(b"data: ").strip())
    assert decoder.text_in_chunk(chunk(OPENAI.text("still "))) is None
    decoder.event(OPENAI.text("</think>yes").removeprefix(b"data: ").strip())
    assert decoder.text_in_chunk(chunk(OPENAI.text(" indeed"))) == " indeed"
