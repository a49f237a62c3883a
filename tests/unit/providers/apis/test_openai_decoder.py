"""Servers with OpenAI's API: what is made of their answers, however they write them."""

import json

import pytest

from app.engine.chunks import ModelFinished
from app.engine.events import ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled
from app.engine.messages import ProviderMetadata, Usage
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.providers.apis.tool_calls import MOST_CALLS
from app.testing.model_server import LAST, chunk, head, sse, whole
from app.testing.provider_apis import OPENAI, chunks_of

DONE = b"data: [DONE]\n\n"
HELLO = [TextDelta("Hel"), TextDelta("lo"), ModelFinished("stop", Usage(3, 2))]


def delta(**fields) -> bytes:
    return OPENAI.delta(**fields)


def ends(reason: str = "stop", usage: Usage | None = None) -> ModelFinished:
    return ModelFinished(reason, usage or Usage())


def call(index: int | None, call_id: str | None = None, name: str | None = None, arguments: object = "") -> dict:
    made = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in made.items() if value is not None}


def named(*names: str) -> ReasoningIdentified:
    """What is told of thoughts in words: the fields in which they came."""
    return ReasoningIdentified(ProviderMetadata({"names": [*names]}))


FINISHED = delta(finish_reason="stop")
WHOLE = {
    "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}
STREAMS = {
    "text and usage": (OPENAI.text("Hel") + OPENAI.text("lo") + OPENAI.end(), HELLO),
    "usage beside the last choice": (
        sse({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "usage": WHOLE["usage"]}) + DONE,
        [TextDelta("x"), ends(usage=Usage(3, 2))],
    ),
    "no usage": (OPENAI.text("x") + FINISHED + DONE, [TextDelta("x"), ends()]),
    "usage is null in every event": (
        sse({"choices": [{"delta": {"content": "x"}}], "usage": None}) + FINISHED + DONE,
        [TextDelta("x"), ends()],
    ),
    "no [DONE]": (OPENAI.text("x") + FINISHED, [TextDelta("x"), ends()]),
    "no finish reason": (OPENAI.text("x") + DONE, [TextDelta("x"), ends("other")]),
    "no blank line at the end": (OPENAI.text("x") + FINISHED.rstrip(), [TextDelta("x"), ends()]),
    "an answer without a word": (delta(role="assistant", content="") + FINISHED + DONE, [ends()]),
    "content is null": (delta(role="assistant", content=None) + FINISHED + DONE, [ends()]),
    "delta is null": (sse({"choices": [{"delta": None}]}) + FINISHED + DONE, [ends()]),
    "an empty list of choices first": (sse({"choices": []}) + OPENAI.text("x") + FINISHED, [TextDelta("x"), ends()]),
    "events without data": (
        b"data:\n\n" + OPENAI.text("x") + b"event: ping\ndata: \n\n" + FINISHED + DONE,
        [TextDelta("x"), ends()],
    ),
    "a space behind [DONE]": (OPENAI.text("x") + FINISHED + b"data: [DONE] \n\n", [TextDelta("x"), ends()]),
    "comments": (b": ping\n\n" + OPENAI.text("x") + b":\n\n" + FINISHED + DONE, [TextDelta("x"), ends()]),
    "CRLF": ((OPENAI.text("x") + FINISHED + DONE).replace(b"\n", b"\r\n"), [TextDelta("x"), ends()]),
    "CR": ((OPENAI.text("x") + FINISHED + DONE).replace(b"\n", b"\r"), [TextDelta("x"), ends()]),
    "no space after data:": ((OPENAI.text("x") + FINISHED + DONE).replace(b": ", b":"), [TextDelta("x"), ends()]),
    "text after [DONE]": (OPENAI.text("x") + FINISHED + DONE + OPENAI.text("y"), [TextDelta("x"), ends()]),
    "hostile text": (OPENAI.text('ü\u2028"\n\n\x00😀') + FINISHED, [TextDelta('ü\u2028"\n\n\x00😀'), ends()]),
    "reasoning_content": (
        delta(reasoning_content="hm") + OPENAI.text("x") + FINISHED,
        [ReasoningDelta("hm"), named("reasoning_content"), TextDelta("x"), ends()],
    ),
    "reasoning": (
        delta(reasoning="hm", content="x") + FINISHED,
        [ReasoningDelta("hm"), named("reasoning"), TextDelta("x"), ends()],
    ),
    "a call in pieces": (
        delta(tool_calls=[call(0, "call_a", "clock")])
        + delta(tool_calls=[call(0, arguments='{"zo')])
        + delta(tool_calls=[call(0, arguments='ne": "UTC"}')])
        + delta(finish_reason="tool_calls"),
        [ToolCalled("call_a", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "two calls with their pieces mixed": (
        delta(tool_calls=[call(1, "b", "clock")])
        + delta(tool_calls=[call(0, "a", "clock"), call(1, arguments='{"zone"')])
        + delta(tool_calls=[call(0, arguments='{"zone":"A"}'), call(1, arguments=':"B"}')])
        + delta(finish_reason="tool_calls"),
        [ToolCalled("a", "clock", {"zone": "A"}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "calls without an index": (
        delta(tool_calls=[call(None, "a", "clock", "{}")])
        + delta(tool_calls=[call(None, "b", "clock", '{"zone": "B"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "a call without an id, its arguments an object": (
        delta(tool_calls=[call(0, None, "clock", {"zone": "UTC"})]) + FINISHED,
        [ToolCalled("call_0", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "a call whose arguments are null": (
        delta(tool_calls=[call(0, "a", "clock", None)]) + delta(tool_calls=[call(1, "b", "clock", "null")]) + FINISHED,
        [ToolCalled("a", "clock", {}), ToolCalled("b", "clock", {}), ends("tool-calls")],
    ),
    "a call whose arguments are no JSON": (
        delta(tool_calls=[call(0, "a", "clock", "{zone}")]) + FINISHED,
        [ToolCalled("a", "clock", {"malformed_arguments": "{zone}"}), ends("tool-calls")],
    ),
    "calls that are all numbered 0": (
        delta(tool_calls=[call(0, "a", "clock", "{}")])
        + delta(tool_calls=[call(0, "b", "clock", '{"zone": "B"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "calls that are all numbered 0, in pieces with the id once": (
        delta(tool_calls=[call(0, "a", "clock")])
        + delta(tool_calls=[call(0, "", None, '{"zone"')])
        + delta(tool_calls=[call(0, "", None, ':"A"}')])
        + delta(tool_calls=[call(0, "b", "clock")])
        + delta(tool_calls=[call(0, "", None, '{"zone":"B"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {"zone": "A"}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "calls that are all numbered 0, in pieces with the id each": (
        delta(tool_calls=[call(0, "a", "clock")])
        + delta(tool_calls=[call(0, "a", None, '{"zone":"A"}')])
        + delta(tool_calls=[call(0, "b", "clock")])
        + delta(tool_calls=[call(0, "b", None, '{"zone":"B"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {"zone": "A"}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "id and name in each piece": (
        delta(tool_calls=[call(0, "a", "clock")])
        + delta(tool_calls=[call(0, "a", "clock", '{"zone":')])
        + delta(tool_calls=[call(0, "a", "clock", '"UTC"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "a name in two pieces, an id in the second": (
        delta(tool_calls=[call(0, None, "clo")]) + delta(tool_calls=[call(0, "a", "ck", "{}")]) + FINISHED,
        [ToolCalled("a", "clock", {}), ends("tool-calls")],
    ),
    "pieces without index and id": (
        delta(tool_calls=[call(None, "a", "clock")])
        + delta(tool_calls=[call(None, None, None, '{"zone":')])
        + delta(tool_calls=[call(None, None, None, '"A"}')])
        + delta(tool_calls=[call(None, "b", "clock")])
        + delta(tool_calls=[call(None, None, None, '{"zone":"B"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {"zone": "A"}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "pieces with an id and no index, mixed": (
        delta(tool_calls=[call(None, "a", "clock"), call(None, "b", "clock")])
        + delta(tool_calls=[call(None, "a", None, '{"zone":"A"}'), call(None, "b", None, '{"zone":"B"}')])
        + FINISHED,
        [ToolCalled("a", "clock", {"zone": "A"}), ToolCalled("b", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "whole calls without index and id": (
        delta(tool_calls=[call(None, "", "clock", "{}"), call(None, "", "clock", '{"zone":"B"}')]) + FINISHED,
        [ToolCalled("call_0", "clock", {}), ToolCalled("call_1", "clock", {"zone": "B"}), ends("tool-calls")],
    ),
    "as many calls as one reply may have": (
        b"".join(delta(tool_calls=[call(0, f"c{n}", "clock", "{}")]) for n in range(MOST_CALLS)) + FINISHED,
        [*(ToolCalled(f"c{n}", "clock", {}) for n in range(MOST_CALLS)), ends("tool-calls")],
    ),
    "a refusal": (
        delta(role="assistant", content=None, refusal="")
        + delta(refusal="I'm sorry, ")
        + delta(refusal="no.")
        + FINISHED,
        [TextDelta("I'm sorry, "), TextDelta("no."), ends()],
    ),
    "content in parts": (
        delta(content=[{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}])
        + delta(content=[{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text", "text": "!"}])
        + delta(content=[{"type": "refusal", "refusal": "No."}])
        + delta(content=[])
        + delta(content=[{"type": "text", "text": ""}])
        + FINISHED,
        [TextDelta("Hello"), TextDelta("!"), TextDelta("No."), ends()],
    ),
    "tool_calls is null": (delta(content="x", tool_calls=None) + FINISHED, [TextDelta("x"), ends()]),
}
REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
    "whatever": "other",
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("cut", ["event by event", "in one piece", "byte by byte"])
def test_a_stream_is_understood_however_it_is_written_and_cut(upstream, name, cut) -> None:
    data, expected = STREAMS[name]
    pieces = {
        "event by event": data.splitlines(keepends=True),
        "in one piece": [data],
        "byte by byte": [data[at : at + 1] for at in range(len(data))],
    }[cut]
    upstream.play([head(), b"".join(map(chunk, pieces)), LAST])
    assert chunks_of(OPENAI.model(upstream.url)) == expected


@pytest.mark.parametrize("reason", REASONS)
def test_each_finish_reason_has_its_name(upstream, reason) -> None:
    upstream.play(OPENAI.answer("x", reason=reason))
    assert chunks_of(OPENAI.model(upstream.url))[-1] == ends(REASONS[reason], Usage(3, 2))


@pytest.mark.parametrize(("reason", "after_one"), [("stop", True), ("null", False)])
def test_a_reason_beside_every_token_finishes_nothing(reason, after_one) -> None:
    decoder, finished = OpenAIDecoder(), []
    for text in "abc":
        decoder.event(delta(finish_reason=reason, content=text).removeprefix(b"data: ").strip())
        finished.append(decoder.finished)
    assert finished == [after_one, False, False]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", ""])
def test_an_answer_in_one_piece_is_an_answer_too(upstream, content_type) -> None:
    upstream.play(whole(json.dumps(WHOLE).encode(), content_type=content_type))
    assert chunks_of(OPENAI.model(upstream.url)) == [TextDelta("Hello"), ends(usage=Usage(3, 2))]


WHOLES = {
    "a refusal": {"content": None, "refusal": "Hello"},
    "content in parts": {"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
}


@pytest.mark.parametrize("name", WHOLES)
def test_a_text_in_one_piece_may_be_written_otherwise(upstream, name) -> None:
    upstream.play(whole(json.dumps({"choices": [{"message": WHOLES[name], "finish_reason": "stop"}]}).encode()))
    assert chunks_of(OPENAI.model(upstream.url)) == [TextDelta("Hello"), ends()]


def test_tool_calls_in_one_piece_are_calls_too(upstream) -> None:
    message = {"content": None, "tool_calls": [call(None, "a", "clock", '{"zone":"UTC"}')]}
    upstream.play(whole(json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()))
    assert chunks_of(OPENAI.model(upstream.url, stream=False)) == [
        ToolCalled("a", "clock", {"zone": "UTC"}),
        ends("tool-calls"),
    ]
    assert upstream.requests[0].json["stream"] is False
    assert "stream_options" not in upstream.requests[0].json
