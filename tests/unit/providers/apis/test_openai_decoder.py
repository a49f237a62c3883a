"""Servers with OpenAI's API: what is made of their answers, however they write them."""

import json
from dataclasses import replace

import pytest

from app.engine.agent import ToolSpec
from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError
from app.engine.events import ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled
from app.engine.messages import ProviderMetadata, Usage
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.testing.model_server import LAST, chunk, head, sse, streamed, whole
from app.testing.provider_apis import OPENAI, chunks_of, make_prompt

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


def message(content: str | None, finish_reason: str | None = "stop", **fields) -> bytes:
    whole_message = {"role": "assistant", "content": content, **fields}
    return sse({"object": "chat.completion", "choices": [{"message": whole_message, "finish_reason": finish_reason}]})


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
    "usage in the last choice, as Moonshot has it": (
        sse({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "usage": WHOLE["usage"]}]}) + DONE,
        [TextDelta("x"), ends(usage=Usage(3, 2))],
    ),
    "usage in a field of Groq's": (
        sse({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "x_groq": {"usage": WHOLE["usage"]}})
        + DONE,
        [TextDelta("x"), ends(usage=Usage(3, 2))],
    ),
    "no usage": (OPENAI.text("x") + FINISHED + DONE, [TextDelta("x"), ends()]),
    "usage is null in every event": (
        sse({"choices": [{"delta": {"content": "x"}}], "usage": None}) + FINISHED + DONE,
        [TextDelta("x"), ends()],
    ),
    "no [DONE]": (OPENAI.text("x") + FINISHED, [TextDelta("x"), ends()]),
    "counts that JSON has not: NaN, Infinity, more than any number": (
        OPENAI.text("x")
        + b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": NaN}}\n\n'
        + b'data: {"choices": [], "usage": {"prompt_tokens": -Infinity, "completion_tokens": 1e999}}\n\n'
        + DONE,
        [TextDelta("x"), ends()],
    ),
    "half of an emoji in each event": (
        OPENAI.text("x")
        + b'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n'
        + b'data: {"choices": [{"delta": {"content": "\\ude00"}}]}\n\n'
        + FINISHED
        + DONE,
        [TextDelta("x"), TextDelta("\ud83d"), TextDelta("\ude00"), ends()],
    ),
    "a tab as it is in a text": (
        b'data: {"choices": [{"delta": {"content": "a\tb"}}]}\n\n' + FINISHED + DONE,
        [TextDelta("a\tb"), ends()],
    ),
    "thoughts as an object": (
        delta(reasoning={"text": "hm"}) + OPENAI.text("x") + FINISHED + DONE,
        [ReasoningDelta("hm"), TextDelta("x"), ends()],
    ),
    "thoughts as a list": (
        delta(reasoning_content=[{"type": "text", "text": "h"}, "m", {"summary": None}, 7])
        + OPENAI.text("x")
        + FINISHED
        + DONE,
        [ReasoningDelta("hm"), TextDelta("x"), ends()],
    ),
    "thoughts among the parts of the content (Mistral: BerriAI/litellm#16272)": (
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "h"}]}])
        + delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "m"}], "closed": True}])
        + delta(content=[{"type": "text", "text": "x"}])
        + FINISHED
        + DONE,
        [ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("x"), ends()],
    ),
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
    "a call at the finish, which is called a stop": (
        OPENAI.text("x") + delta(finish_reason="stop", tool_calls=[call(0, "a", "clock", {"zone": "UTC"})]) + DONE,
        [TextDelta("x"), ToolCalled("a", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "the old form of a call, in pieces": (
        delta(function_call={"name": "clock", "arguments": ""})
        + delta(function_call={"arguments": '{"zone":'})
        + delta(function_call={"arguments": '"UTC"}'})
        + delta(finish_reason="function_call"),
        [ToolCalled("call_0", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "a call in both forms": (
        delta(tool_calls=[call(0, "a", "clock", "{}")], function_call={"name": "clock", "arguments": "{}"}) + FINISHED,
        [ToolCalled("a", "clock", {}), ends("tool-calls")],
    ),
    "a message in the place of a delta": (
        message("Hello") + DONE,
        [TextDelta("Hello"), ends()],
    ),
    "a message with thoughts, a call and no reason": (
        message(None, None, reasoning_content="hm", tool_calls=[call(None, "a", "clock", "{}")]) + FINISHED,
        [ReasoningDelta("hm"), named("reasoning_content"), ToolCalled("a", "clock", {}), ends("tool-calls")],
    ),
    "a message in pieces": (
        message("Hel", None) + message("lo", None) + message("", "stop"),
        [TextDelta("Hel"), TextDelta("lo"), ends()],
    ),
    "a message so far in each event": (
        message("Hel", None) + message("Hello", None) + message("Hello", "stop"),
        [TextDelta("Hel"), TextDelta("lo"), ends()],
    ),
    "all once more as a message at the end": (
        delta(reasoning_content="hm")
        + OPENAI.text("Hel")
        + OPENAI.text("lo")
        + delta(tool_calls=[call(0, "a", "clock")])
        + message("Hello", reasoning_content="hm", tool_calls=[call(0, "b", "clock", "{}")])
        + DONE,
        [
            *(ReasoningDelta("hm"), named("reasoning_content"), TextDelta("Hel"), TextDelta("lo")),
            *(ToolCalled("a", "clock", {}), ends("tool-calls")),
        ],
    ),
    "only thoughts before the message at the end": (
        delta(reasoning_content="hm", content="") + message("Hello", reasoning_content="hm") + DONE,
        [ReasoningDelta("hm"), named("reasoning_content"), TextDelta("Hello"), ends()],
    ),
    "a message at the end that has the calls": (
        OPENAI.text("x") + message("x", "tool_calls", tool_calls=[call(0, "a", "clock", "{}")]) + DONE,
        [TextDelta("x"), ToolCalled("a", "clock", {}), ends("tool-calls")],
    ),
    "text in the old completions' place": (
        sse({"choices": [{"text": "Hel", "finish_reason": None}]}) + sse({"choices": [{"text": "lo"}]}) + FINISHED,
        [TextDelta("Hel"), TextDelta("lo"), ends()],
    ),
    "no reason beside each token": (
        delta(finish_reason="null", content="x") + delta(finish_reason="", content="y") + FINISHED,
        [TextDelta("x"), TextDelta("y"), ends()],
    ),
    "a reason that is an object": (
        OPENAI.text("x") + sse({"choices": [{"delta": {}, "finish_reason": {"type": "length", "length": 7}}]}) + DONE,
        [TextDelta("x"), ends("length")],
    ),
    "errors that are none": (
        sse({"error": None, "choices": [{"delta": {"content": "x", "error": None}, "error": None}]})
        + sse({"choices": [], "error": None, "base_resp": {"status_code": 0, "status_msg": ""}})
        + FINISHED,
        [TextDelta("x"), ends()],
    ),
    "counts that are none": (
        sse({"choices": [], "usage": "n/a"})
        + OPENAI.text("x")
        + FINISHED
        + sse({"choices": [], "usage": {"prompt_tokens": 3.0, "completion_tokens": -1}})
        + DONE,
        [TextDelta("x"), ends(usage=Usage(3, 0))],
    ),
    "tool_calls is null": (delta(content="x", tool_calls=None) + FINISHED, [TextDelta("x"), ends()]),
}
REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content-filter",
    "tool_calls": "other",  # there was no call
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


def test_a_server_that_tells_no_reason_ends_an_answer_with_done(upstream) -> None:
    upstream.play([*streamed(OPENAI.text("x"), DONE), LAST])
    assert chunks_of(OPENAI.model(upstream.url, finish_reasons=False)) == [TextDelta("x"), ends("other")]
    upstream.play([*streamed(OPENAI.text("x")), LAST])
    with pytest.raises(ModelError):
        chunks_of(OPENAI.model(upstream.url, finish_reasons=False))


def test_the_model_knows_its_tools_by_name(upstream) -> None:
    pieces = [delta(tool_calls=[call(0, None, name)]) for name in ("clock", "date")]
    upstream.play([*streamed(*pieces, FINISHED), LAST])
    tools = [ToolSpec(name, "", {}) for name in ("clock", "date")]
    prompt = replace(make_prompt(), tools=tools)
    calls = [each.name for each in chunks_of(OPENAI.model(upstream.url), prompt) if isinstance(each, ToolCalled)]
    assert calls == ["clock", "date"]
