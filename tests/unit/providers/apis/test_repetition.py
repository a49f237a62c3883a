"""The short cut through repeated events: what is read with it is what parsing every event gives."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError
from app.engine.events import ReasoningDelta, ReasoningIdentified, TextDelta
from app.engine.messages import ProviderMetadata, Usage
from app.providers.apis.call_pieces import CallPieces
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.providers.apis.repetition import MOST_LESSONS, Repetition

Event = dict[str, Any]
Chunks = list[Any]
DONE = b"[DONE]"
THOUGHT = ReasoningIdentified(ProviderMetadata({"names": ["reasoning"]}))


def parsed(stream: Sequence[bytes]) -> tuple[list[Chunks | None], Chunks | None]:
    """What the events say, and the end of them, with every one parsed as a whole: the long way. None is an event that
    holds nothing, and as the end a failure."""
    said: list[Chunks | None] = []
    calls, reason, usage = CallPieces(), None, Usage()
    thinking, thought, named = False, False, False
    for data in stream:
        if data == DONE:
            said.append(None)
            break
        event = orjson.loads(data)
        counted = event.get("usage")
        if counted:
            usage = Usage(counted["prompt_tokens"], counted["completion_tokens"])
        if not event["choices"]:
            said.append(None)
            continue
        choice = event["choices"][0]
        delta = choice.get("delta") or {}
        chunks: Chunks = [ReasoningDelta(delta["reasoning"])] if delta.get("reasoning") else []
        named = named or isinstance(delta.get("reasoning"), str)
        thinking = thinking or bool(chunks)
        thought = thought or thinking
        texts = [TextDelta(delta[key]) for key in ("content", "refusal") if delta.get(key)]
        if texts:
            chunks += [*([THOUGHT] if thinking else []), *texts]
            thinking = False
        calls.add(delta.get("tool_calls"))
        reason = choice.get("finish_reason") or reason
        holds = chunks or delta.get("tool_calls") or choice.get("finish_reason")
        said.append(chunks if holds else None)
    if reason is None:
        return said, None
    called = calls.finish()
    left = [THOUGHT] if thinking or (named and called and not thought) else []
    return said, [*left, *called, ModelFinished("tool-calls" if called else reason, usage)]


def decoded(stream: Sequence[bytes]) -> tuple[list[Chunks | None], Chunks | None]:
    decoder = OpenAIDecoder()
    said = [decoder.event(data) for data in stream]
    try:
        return said, decoder.finish()
    except ModelError:
        return said, None


# Text that looks like what stands around it. The NUL has a test of its own.
MEAN = [
    *('"', "\\", '\\"', "\\u0041", '"}}]}', '"},"finish_reason":null}]}', '"}, "finish_reason": null}], "x": "'),
    *('{"content":"x"}', '"content":"', '","content":"', "[DONE]", "data: ", "x", "xx", "", "\n", "ü", "😀", "null"),
]
TEXTS = st.sampled_from(MEAN) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
CALL = st.fixed_dictionaries({"name": st.sampled_from(["clock", "content"]), "arguments": st.just("{}")})
DELTAS = st.one_of(
    *[st.fixed_dictionaries({"content": TEXTS})] * 4,  # what nearly every event is
    st.fixed_dictionaries({"role": st.just("assistant"), "content": TEXTS | st.none()}),
    st.fixed_dictionaries({"content": TEXTS, "refusal": st.none() | TEXTS}) | st.just({}) | st.none(),
    st.fixed_dictionaries({"content": TEXTS, "reasoning": TEXTS | st.none()}),
    st.fixed_dictionaries({"content": TEXTS, "tool_calls": st.none() | st.just([])}),
)
USAGE = st.fixed_dictionaries({"prompt_tokens": st.integers(0, 9), "completion_tokens": st.integers(0, 9)})
AROUND = st.fixed_dictionaries({}, optional={"id": TEXTS, "system_fingerprint": TEXTS | st.none(), "error": st.none()})
BEHIND = st.fixed_dictionaries({}, optional={"usage": st.none() | st.just({}), "note": TEXTS, "obfuscation": TEXTS})


@st.composite
def events(draw, around: Event, behind: Event) -> Event:
    """One of a stream's: what stands around the choice mostly stays, and now and then varies."""
    if draw(st.integers(0, 9)) == 0:
        around, behind = draw(AROUND), draw(BEHIND)
    choice: Event = {"delta": draw(DELTAS)}
    choice = {"index": 0, **choice} if draw(st.booleans()) else choice
    kind = draw(st.integers(0, 19))
    choices = [choice]
    if kind == 0:
        choice["delta"] = {"tool_calls": [{"index": draw(st.integers(0, 9)), "id": "c", "function": draw(CALL)}]}
    elif kind == 1:
        behind = {**behind, "usage": draw(USAGE)}
    elif kind == 2:
        choices = []
    elif kind == 3:
        choices.append({"delta": {"content": draw(TEXTS)}})
    elif kind == 4:
        choice["finish_reason"] = draw(st.sampled_from(["stop", "length"]))
    else:
        choice |= {"finish_reason": None, "logprobs": None} if kind < 10 else {}
    return {**around, "choices": choices, **behind}


WRITERS: list[Callable[[Event], bytes]] = [
    orjson.dumps,
    lambda event: json.dumps(event).encode(),
    lambda event: json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(),
    lambda event: json.dumps(event, sort_keys=True).encode() + b" ",
]


@st.composite
def streams(draw) -> list[bytes]:
    around, behind, writer = draw(AROUND), draw(BEHIND), draw(st.sampled_from(WRITERS))
    written = [writer(event) for event in draw(st.lists(events(around, behind), max_size=12))]
    repeated = draw(st.lists(st.sampled_from(written), max_size=4)) if written else []
    return [*written, *repeated, DONE]


@given(streams())
@settings(max_examples=150, deadline=None)
def test_the_chunks_are_those_that_parsing_every_event_gives(stream) -> None:
    assert decoded(stream) == parsed(stream)


def outcome(decoder: OpenAIDecoder, data: bytes) -> Chunks | str | None:
    """What the event says, but for the end of thoughts that came before it."""
    try:
        said = decoder.event(data)
        return said and [chunk for chunk in said if not isinstance(chunk, ReasoningIdentified)]
    except (ModelError, ValueError, TypeError, AttributeError, LookupError):
        return "a failure"


@given(streams(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_event_is_read_as_it_would_be_alone(stream, data) -> None:
    event = data.draw(st.sampled_from(stream))
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(event)), st.integers(0, len(event)))))
    put = data.draw(
        st.sampled_from([b"", b'"', b"\\", b"x", b'","content":"', b"\xff", b"\\ud83d", b"null", b"1", b" "])
    )
    damaged = event[:start] + put + event[end if data.draw(st.booleans()) else start :]
    experienced = OpenAIDecoder()
    for known in stream[:-1]:
        experienced.event(known)
    assert outcome(experienced, damaged) == outcome(OpenAIDecoder(), damaged)


def test_a_token_that_is_nul_is_not_confused_with_another_one() -> None:
    stream = [orjson.dumps({"choices": [{"delta": {"content": "\0"}}], "note": note}) for note in ("\0", "x", "y")]
    assert decoded([*stream, DONE]) == parsed([*stream, DONE])


BESIDE = {  # what an event may hold beside its text, each time anew
    "a finish reason": {"finish_reason": "length"},
    "usage": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}},
    "a piece of a call": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "clock", "arguments": "x"}}]},
    "reasoning": {"reasoning": "hm"},
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_comes_beside_a_text_is_read_however_often_it_is_repeated(name, writer) -> None:
    def event(text: str, **beside: Any) -> bytes:
        ends, usage = beside.pop("finish_reason", None), beside.pop("usage", None)
        choice = {"delta": {"content": text, **beside}, "finish_reason": ends}
        return writer({"choices": [choice], "usage": usage})

    other = event("c", finish_reason="stop", usage={"prompt_tokens": 9, "completion_tokens": 9})
    stream = [event("a", **BESIDE[name]), event("b", **BESIDE[name]), other, event("d", **BESIDE[name]), DONE]
    assert decoded(stream) == parsed(stream)


# What servers write around a text, as they write it.
SHAPES = {
    "OpenAI": '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt","service_tier":"default",'
    '"system_fingerprint":null,"choices":[{"index":0,"delta":{"content":TEXT},"logprobs":null,"finish_reason":null}],'
    '"usage":null}',
    "vLLM": '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
    '{"content":TEXT},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
    "Ollama": '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_ollama",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":TEXT},"finish_reason":null}]}',
    "llama.cpp": '{"choices":[{"finish_reason":null,"index":0,"delta":{"content":TEXT}}],"created":1,"id":"c",'
    '"model":"m","system_fingerprint":"b1","object":"chat.completion.chunk"}',
    "DeepSeek": '{"id": "c", "choices": [{"index": 0, "delta": {"content": TEXT, "reasoning_content": null}, '
    '"finish_reason": null, "logprobs": null}], "usage": null}',
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("learnt", ["Hello", " ü", '"', "null", "\\n", "0"])
@pytest.mark.parametrize("text", ["Hello", "x" * 100, "\n", "😀", '"}}]}', "\\"])
def test_the_short_cut_is_taken_with_the_events_of_common_servers(name, learnt, text) -> None:
    def write(said: str) -> bytes:
        return SHAPES[name].replace("TEXT", json.dumps(said, ensure_ascii=False)).encode()

    short = Repetition()
    assert short.text(write(text)) is None
    short.learn(write(learnt), orjson.loads(write(learnt)), learnt)
    assert short.text(write(text)) == text
    assert short.text(write(text).replace(b'"index"', b'"Index"')) is None
    assert short.text(write(text)[:-1]) is None
    assert short.text(write(text)[:-1] + b" ") is None


NO_TEXT = ["null", "7", "true", '["x"]', '{"x":1}', "", '"x', '"x" "y"', '"x","y":"z"', '"\\ud83d"', '"x"}}]}', "NaN"]


@pytest.mark.parametrize("value", NO_TEXT)
def test_what_is_no_text_is_left_to_who_parses_the_whole(value) -> None:
    short, known = Repetition(), SHAPES["OpenAI"].replace("TEXT", '"x"').encode()
    short.learn(known, orjson.loads(known), "x")
    assert short.text(known) == "x"
    assert short.text(SHAPES["OpenAI"].replace("TEXT", value).encode()) is None


def test_a_stream_that_never_repeats_itself_is_not_learnt_for_ever() -> None:
    short = Repetition()
    for number in range(MOST_LESSONS + 1):
        data = orjson.dumps({"id": number, "choices": [{"delta": {"content": "x"}}]})
        short.learn(data, orjson.loads(data), "x")
    assert short.text(orjson.dumps({"id": MOST_LESSONS - 1, "choices": [{"delta": {"content": "y"}}]})) == "y"
    assert short.text(orjson.dumps({"id": MOST_LESSONS, "choices": [{"delta": {"content": "y"}}]})) is None


UNLEARNABLE = {
    "the last one that is written so is another": '{"choices":[{"delta":{"content":"x"}}],"note":"x"}',
    "it is escaped without need": '{"choices":[{"delta":{"content":"\\u0078"}}]}',
    "the second choice says the same": '{"choices":[{"delta":{"content":"x"}},{"delta":{"content":"x"}}]}',
}


@pytest.mark.parametrize("name", UNLEARNABLE)
def test_what_is_not_certain_is_not_learnt(name) -> None:
    short, data = Repetition(), UNLEARNABLE[name].encode()
    short.learn(data, orjson.loads(data), "x")
    assert short.text(data) is None
