"""Anthropic's Messages API: what is made of everything it may answer."""

import json
from unittest.mock import ANY

import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError
from app.engine.events import ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled
from app.engine.messages import ProviderMetadata, Usage
from app.providers.apis.tool_calls import MOST_CALLS
from app.testing.model_server import CUT, LAST, chunk, head, sse, streamed, whole
from app.testing.provider_apis import ANTHROPIC, chunks_of, event

BEGIN, STOP = ANTHROPIC.begin, event("message_stop")


def start(index: int, **block) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, type_: str, **fields) -> bytes:
    return event("content_block_delta", index=index, delta={"type": type_, **fields})


def tool(index: int, name: str, *pieces: str) -> bytes:
    begun = start(index, type="tool_use", id=f"toolu_{name}", name=name, input={})
    return begun + b"".join(delta(index, "input_json_delta", partial_json=piece) for piece in pieces)


def thought(prefix: object = ANY, **block) -> ReasoningIdentified:
    """What is told of a thought besides its words."""
    return ReasoningIdentified(ProviderMetadata({"prefix": prefix, "response": ANY, "block": block}))


def ends(reason: str = "stop", prompt: int = 3, completion: int = 2) -> ModelFinished:
    return ModelFinished(reason, Usage(prompt, completion))


STREAMS = {
    "text in a block": (
        BEGIN + start(0, type="text", text="") + ANTHROPIC.text("Hel") + ANTHROPIC.text("lo")
        + event("content_block_stop", index=0) + ANTHROPIC.end(),
        [TextDelta("Hel"), TextDelta("lo"), ends()],
    ),
    "pings": (
        BEGIN + ANTHROPIC.ping + ANTHROPIC.text("x") + ANTHROPIC.ping + ANTHROPIC.end(),
        [TextDelta("x"), ends()],
    ),
    "thinking": (
        BEGIN + start(0, type="thinking", thinking="") + delta(0, "thinking_delta", thinking="hm")
        + delta(0, "signature_delta", signature="abc") + ANTHROPIC.text("x") + ANTHROPIC.end(),
        [ReasoningDelta("hm"), thought(type="thinking", signature="abc"), TextDelta("x"), ends()],
    ),
    "a tool's input in pieces": (
        BEGIN + ANTHROPIC.text("x") + tool(1, "clock", '{"zo', 'ne": "UTC"}') + ANTHROPIC.end("tool_use"),
        [TextDelta("x"), ToolCalled("toolu_clock", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "two tools, one without input": (
        BEGIN + tool(0, "a", '{"n": 1}') + tool(1, "b") + ANTHROPIC.end("tool_use"),
        [ToolCalled("toolu_a", "a", {"n": 1}), ToolCalled("toolu_b", "b", {}), ends("tool-calls")],
    ),
    "input that is no JSON": (
        BEGIN + tool(0, "a", "{n}") + ANTHROPIC.end("tool_use"),
        [ToolCalled("toolu_a", "a", {"malformed_arguments": "{n}"}), ends("tool-calls")],
    ),
    "input at once, where the block starts": (
        BEGIN + start(0, type="tool_use", id="a", name="clock", input={"zone": "UTC"}) + ANTHROPIC.end("tool_use"),
        [ToolCalled("a", "clock", {"zone": "UTC"}), ends("tool-calls")],
    ),
    "no message_stop": (
        BEGIN + ANTHROPIC.text("x") + ANTHROPIC.end().removesuffix(STOP),
        [TextDelta("x"), ends()],
    ),
    "cached input counts": (
        event("message_start", message={"usage": {"input_tokens": 3, "cache_creation_input_tokens": 10,
                                                  "cache_read_input_tokens": 100, "output_tokens": 1}})
        + ANTHROPIC.text("x") + ANTHROPIC.end(completion=9),
        [TextDelta("x"), ends(prompt=113, completion=9)],
    ),
    "events and blocks of unknown kinds": (
        BEGIN + event("news", x=1) + start(0, type="hologram") + delta(0, "light", x=1) + ANTHROPIC.text("x")
        + ANTHROPIC.end(),
        [TextDelta("x"), ends()],
    ),
    "events without data": (
        BEGIN + b"event: ping\ndata:\n\n" + ANTHROPIC.text("x") + b"data: \n\n" + ANTHROPIC.end(),
        [TextDelta("x"), ends()],
    ),
    "a tool that the server runs itself": (
        BEGIN + start(0, type="server_tool_use", id="srvtoolu_1", name="web_search", input={})
        + delta(0, "input_json_delta", partial_json='{"query": "x"}')
        + start(1, type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[])
        + start(2, type="text", text="") + delta(2, "citations_delta", citation={"cited_text": "x"})
        + delta(2, "text_delta", text="x") + ANTHROPIC.end(),
        [TextDelta("x"), ends()],
    ),
    "the prompt is counted at the end only": (
        event("message_start", message={"usage": {"input_tokens": 0, "output_tokens": 0}}) + ANTHROPIC.text("x")
        + event("message_delta", delta={"stop_reason": "end_turn"},
                usage={"input_tokens": 50, "cache_read_input_tokens": 7, "output_tokens": 9}) + STOP,
        [TextDelta("x"), ends(prompt=57, completion=9)],
    ),
    "counts that are none": (
        event("message_start", message={"usage": {"input_tokens": 3.0, "cache_read_input_tokens": "4"}})
        + ANTHROPIC.text("x")
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage={"input_tokens": -1, "output_tokens": 2.5})
        + event("message_delta", delta={}, usage="n/a") + STOP,
        [TextDelta("x"), ends(prompt=7, completion=2)],
    ),
    "CRLF and no names of events": (
        b"".join(line + b"\r\n" for line in (BEGIN + ANTHROPIC.text("x") + ANTHROPIC.end()).split(b"\n")
                 if not line.startswith(b"event")),
        [TextDelta("x"), ends()],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_understood(upstream, name) -> None:
    data, expected = STREAMS[name]
    upstream.play([*streamed(data), LAST])
    assert chunks_of(ANTHROPIC.model(upstream.url)) == expected
    upstream.play([*streamed(*[data[at : at + 1] for at in range(len(data))]), LAST])
    assert chunks_of(ANTHROPIC.model(upstream.url)) == expected


WHOLES = {
    "text": ([{"type": "text", "text": "Hello"}], "end_turn", [TextDelta("Hello"), ends(completion=9)]),
    "thinking, text and tools": (
        [
            {"type": "thinking", "thinking": "hm", "signature": "abc"},
            {"type": "redacted_thinking", "data": "abc"},
            {"type": "text", "text": "x"},
            {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "UTC"}},
            {"type": "tool_use", "id": "toolu_2", "name": "clock", "input": {}},
        ],
        "tool_use",
        [
            *(ReasoningDelta("hm"), thought(type="thinking", signature="abc")),
            *(thought(type="redacted_thinking", data="abc"), TextDelta("x")),
            *(
                ToolCalled("toolu_1", "clock", {"zone": "UTC"}),
                ToolCalled("toolu_2", "clock", {}),
                ends("tool-calls", completion=9),
            ),
        ],
    ),
    "nothing": ([], "max_tokens", [ends("length", completion=9)]),
}


@pytest.mark.parametrize("name", WHOLES)
def test_an_answer_in_one_piece_is_an_answer_too(upstream, name) -> None:
    content, reason, expected = WHOLES[name]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": content}
    message |= {"stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 9}}
    upstream.play(whole(json.dumps(message).encode()))
    model = ANTHROPIC.model(upstream.url)
    for _ in range(2):
        assert chunks_of(model) == expected
    assert [request.connection for request in upstream.requests] == [1, 1]


REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content-filter",
    "tool_use": "other",  # there was no call
    "whatever": "other",
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_stop_reason_has_its_name(upstream, reason) -> None:
    upstream.play([*streamed(BEGIN, ANTHROPIC.text("x"), ANTHROPIC.end(reason)), LAST])
    assert chunks_of(ANTHROPIC.model(upstream.url))[-1].finish_reason == REASONS[reason]


END_OF_TOOLS = [chunk(ANTHROPIC.end("tool_use")), LAST]
BROKEN = {
    "overloaded": ([*streamed(BEGIN, event("error", error={"type": "overloaded_error", "message": "secret"}))], 503),
    "refused before it begins": ([*streamed(event("error", error={"type": "overloaded_error"}))], 503),
    "too late": ([*streamed(BEGIN, event("error", error={"type": "timeout_error", "message": "secret"}))], 504),
    "limited": ([*streamed(BEGIN, event("error", error={"type": "rate_limit_error"}))], 503),
    "another error": ([*streamed(BEGIN, ANTHROPIC.error("secret"))], 502),
    "an error that is none": ([*streamed(BEGIN, event("error"))], 502),
    "cut": ([*streamed(BEGIN, ANTHROPIC.text("x")), CUT], 502),
    "a clean end too early": ([*streamed(BEGIN, ANTHROPIC.text("x")), LAST], 502),
    "no reason and no stop": ([*streamed(BEGIN, event("message_delta", delta={"stop_reason": None})), LAST], 502),
    "a stop without a reason": ([*streamed(BEGIN, ANTHROPIC.text("x"), STOP), LAST], 502),
    "a pause, which is no end": ([*streamed(BEGIN, ANTHROPIC.text("x"), ANTHROPIC.end("pause_turn")), LAST], 502),
    "an event called error": ([*streamed(BEGIN, b"event: error\ndata: overloaded\n\n"), LAST], 502),
    "a field called error": ([*streamed(BEGIN, b'error: {"type":"overloaded_error"}\n\n'), LAST], 503),
    "too many tools": ([*streamed(BEGIN, *[tool(n, "a") for n in range(MOST_CALLS + 1)]), *END_OF_TOOLS], 502),
    "a tool without a name": ([*streamed(BEGIN, start(0, type="tool_use", id="a", input={})), *END_OF_TOOLS], 502),
    "an empty stream": ([head(), LAST], 502),
    "no JSON": ([*streamed(b"data: x\n\n")], 502),
    "no type": ([*streamed(sse({}))], 502),
    "a piece of input for no tool": ([*streamed(delta(7, "input_json_delta", partial_json="{"))], 502),
    "in one piece: no message": (whole(b'{"content": []}'), 502),
    "in one piece: no content": (whole(b'{"type": "message", "stop_reason": "end_turn"}'), 502),
    "in one piece: no reason": (whole(b'{"type": "message", "content": []}'), 502),
    "in one piece: no JSON": (whole(b"<html>"), 502),
    "in one piece: overloaded": (
        whole(b'{"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}'),
        503,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_breaks_off_or_makes_no_sense_is_a_failure_of_the_model(upstream, name) -> None:
    answer, status = BROKEN[name]
    upstream.play(answer)
    with pytest.raises(ModelError) as failure:
        chunks_of(ANTHROPIC.model(upstream.url))
    assert failure.value.problem.status == status
    assert (failure.value.kind.others, "secret" in str(failure.value)) == (True, False)
