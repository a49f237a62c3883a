"""Servers with OpenAI's API: failures in their answers, and answers that break off or make no sense."""

import json

import pytest
from support.fakes import problem_of

from app.engine.errors import ModelError, Problem
from app.engine.events import TextDelta
from app.providers.apis.tool_calls import MOST_CALLS
from app.testing.model_server import CUT, LAST, RESET, chunk, head, sse, streamed, whole
from app.testing.provider_apis import OPENAI, chunks_of, make_prompt

DONE, FINISHED = b"data: [DONE]\n\n", OPENAI.delta(finish_reason="stop")


def call(index: int, call_id: str) -> dict:
    return {"index": index, "id": call_id, "type": "function", "function": {"name": "clock", "arguments": "{}"}}


FLAT = {"object": "error", "message": "secret", "type": "BadRequestError", "param": None, "code": 500}
BROKEN = {
    "an error without an object around it": [*streamed(sse(FLAT), DONE), LAST],
    "an error without an object around it, behind text": [*streamed(OPENAI.text("a"), sse(FLAT), DONE), LAST],
    "an event called error": [*streamed(b"event: error\n" + sse({"message": "secret"}), DONE), LAST],
    "an error that is a code": [*streamed(OPENAI.text("a"), sse({"code": 500, "status": "secret"}), DONE), LAST],
    "an error that is a detail": [*streamed(sse({"detail": "secret"}), DONE), LAST],
    "an error behind the finish reason": [*streamed(OPENAI.text("a"), FINISHED, sse(FLAT), DONE), LAST],
    "nothing but [DONE]": [*streamed(DONE), LAST],
    "nothing but usage": [*streamed(sse({"choices": [], "usage": {"prompt_tokens": 3}}), DONE), LAST],
    "too many calls": [
        *streamed(*[OPENAI.delta(tool_calls=[call(0, f"c{n}")]) for n in range(MOST_CALLS + 1)], FINISHED, DONE),
        LAST,
    ],
    "too many calls in one event": [
        *streamed(OPENAI.delta(tool_calls=[call(n, f"c{n}") for n in range(MOST_CALLS + 1)]), FINISHED, DONE),
        LAST,
    ],
    "an error object in the stream": [*streamed(OPENAI.error("secret"), FINISHED), LAST],
    "an error beside empty choices": [*streamed(sse({"choices": [], "error": {"message": "secret"}})), LAST],
    "an error beside a choice": [
        *streamed(sse({"choices": [{"delta": {"content": ""}, "finish_reason": "error"}], "error": {"code": 502}})),
        LAST,
    ],
    "an error in a choice": [
        *streamed(sse({"choices": [{"delta": {"content": ""}, "error": {"message": "secret"}}]}), FINISHED, DONE),
        LAST,
    ],
    "error as the finish reason": [*streamed(OPENAI.text("a"), OPENAI.delta(finish_reason="error"), DONE), LAST],
    "no finish reason": [*streamed(OPENAI.text("a"), DONE), LAST],
    "no finish reason behind calls": [*streamed(OPENAI.delta(tool_calls=[call(0, "c")]), DONE), LAST],
    "the word null as the finish reason": [*streamed(OPENAI.delta(finish_reason="null", content="a"), DONE), LAST],
    "a reason that is no end": [*streamed(OPENAI.text("a"), OPENAI.delta(finish_reason="abort"), DONE), LAST],
    "a reason that is no end, and a stop": [*streamed(OPENAI.delta(finish_reason="network_error"), FINISHED), LAST],
    "a field called error": [*streamed(OPENAI.text("a"), b'error: {"code":500,"message":"secret"}\n\n', DONE), LAST],
    "a field called error with text": [*streamed(OPENAI.text("a"), b"error: secret\n\n", FINISHED, DONE), LAST],
    "an event called error with text": [*streamed(b"event: error\ndata: secret\n\n", FINISHED, DONE), LAST],
    "an event called error with anything": [*streamed(b"event: error\n" + sse({"x": "secret"}), FINISHED, DONE), LAST],
    "an event called error with nothing": [*streamed(b"event: error\n\n", FINISHED, DONE), LAST],
    "JSON in no field": [*streamed(OPENAI.text("a"), b'{"error":{"code":500}}\n\n', FINISHED, DONE), LAST],
    "JSON in no field, on several lines": [*streamed(b'{\n  "error": "secret"\n}\n\n', FINISHED, DONE), LAST],
    "choices null beside the error's type": [
        *streamed(OPENAI.text("a"), sse({"choices": None, "error_type": "X", "error_message": "secret"}), FINISHED),
        LAST,
    ],
    "an error that is a text": [*streamed(sse({"status": 500, "error": "secret", "path": "/"}), FINISHED), LAST],
    "errors": [*streamed(sse({"success": False, "errors": [{"code": 7000}], "choices": []}), FINISHED), LAST],
    "a message and its code": [*streamed(sse({"code": 1302, "msg": "secret"}), FINISHED), LAST],
    "a status of MiniMax's": [
        *streamed(sse({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "secret"}}), FINISHED, DONE),
        LAST,
    ],
    "an error in a delta": [
        *streamed(sse({"choices": [{"delta": {"content": "", "error": {"message": "secret"}}}]}), FINISHED, DONE),
        LAST,
    ],
    "a page of HTML": [*streamed(OPENAI.text("a"), b"<html>\n<h1>502 Bad Gateway</h1>\n</html>\n"), LAST],
    "a page of HTML as data": [*streamed(OPENAI.text("a"), b"data: <html>\n\n", FINISHED, DONE), LAST],
    "text in the place of events": [*streamed(b"upstream connect error or disconnect/reset"), LAST],
    "no JSON": [*streamed(b"data: {nonsense\n\n"), LAST],
    "JSON that is no object": [*streamed(b"data: [1]\n\n"), LAST],
    "a number": [*streamed(b"data: 1\n\n"), LAST],
    "null": [*streamed(b"data: null\n\n"), LAST],
    "choices of another kind": [*streamed(sse({"choices": ["x"]})), LAST],
    "parts of another kind": [*streamed(sse({"choices": [{"delta": {"content": ["x"]}}]}), FINISHED), LAST],
    "a part's text of another kind": [
        *streamed(sse({"choices": [{"delta": {"content": [{"type": "text", "text": 7}]}}]}), FINISHED),
        LAST,
    ],
    "a refusal of another kind": [*streamed(sse({"choices": [{"delta": {"refusal": 7}}]}), FINISHED), LAST],
    "text of another kind": [*streamed(sse({"choices": [{"delta": {"content": 7}}]}), FINISHED), LAST],
    "nothing but usage of another kind": [*streamed(sse({"choices": [], "usage": 7})), LAST],
    "cut between two events": [*streamed(OPENAI.text("a")), CUT],
    "cut in an event": [*streamed(OPENAI.text("a")[:20]), CUT],
    "cut in a chunk": [head(), chunk(OPENAI.text("a"))[:20], CUT],
    "reset": [*streamed(OPENAI.text("a")), 0.05, RESET],
    "a clean end before the finish": [*streamed(OPENAI.text("a")), LAST],
    "an end of the connection before the finish": [head(connection="close") + OPENAI.text("a"), CUT],
    "an empty stream": [head(), LAST],
    "chunks that are none": [head(), b"zz\r\n"],
    "a whole answer that was cut": [head(200, "application/json", content_length="999") + b'{"choices"', CUT],
    "a whole answer that is no JSON": whole(b"<html>"),
    "a whole answer that is an error": whole(b'{"error": {"message": "secret"}}'),
    "a whole answer that is an error without an object around it": whole(json.dumps(FLAT).encode()),
    "an empty object": whole(b"{}"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_breaks_off_or_makes_no_sense_is_a_failure_of_the_model(upstream, name) -> None:
    upstream.play(BROKEN[name])
    with pytest.raises(ModelError) as failure:
        chunks_of(OPENAI.model(upstream.url))
    assert failure.value.problem is Problem.UPSTREAM_FAILED
    assert "secret" not in str(failure.value)


CODES = {
    429: 503,
    "429": 503,
    503: 503,
    529: 503,
    408: 504,
    "504": 504,
    500: 502,
    400: 502,
    "rate_limit": 502,
    None: 502,
}


@pytest.mark.parametrize("code", CODES, ids=repr)
def test_an_error_in_the_stream_that_names_a_status_means_what_the_status_means(upstream, code) -> None:
    error = {"message": "secret", "code": code}
    for answer in ([*streamed(sse({"error": error})), LAST], whole(json.dumps({"error": error}).encode())):
        upstream.play(answer)
        with pytest.raises(ModelError) as failure:
            chunks_of(OPENAI.model(upstream.url))
        assert (failure.value.problem.status, failure.value.kind.others) == (CODES[code], True)


SAID_FIRST = OPENAI.text("a") + OPENAI.text("b")


@pytest.mark.parametrize(
    "answer",
    [
        [*streamed(SAID_FIRST), 0.1, CUT],
        [*streamed(SAID_FIRST, 0.1, OPENAI.error("no")), LAST],
        [*streamed(SAID_FIRST + OPENAI.error("no")), LAST],
        [*streamed(SAID_FIRST + b"data: {nonsense\n\n"), LAST],
        [*streamed(OPENAI.text("a"), OPENAI.delta(finish_reason="abort", content="b")), LAST],
    ],
    ids=["a cut", "an error", "an error in the same read", "nonsense in the same read", "the reason in the last event"],
)
def test_what_came_before_the_break_is_said(upstream, answer) -> None:
    upstream.play(answer)
    said_first = []
    stream = OPENAI.model(upstream.url).open(make_prompt(), 5)
    assert problem_of(lambda: [said_first.extend(batch) for batch in stream]) is Problem.UPSTREAM_FAILED
    assert said_first == [TextDelta("a"), TextDelta("b")]
