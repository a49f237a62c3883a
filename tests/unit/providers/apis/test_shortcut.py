"""A token's short way gives what the long one gives, however the bytes come: chunk by chunk, in pieces, all at once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import gevent
import pytest
from gevent import socket
from hypothesis import example, given
from hypothesis import strategies as st

from app.engine.events import ReasoningDelta, TextDelta
from app.engine.ports import TakesText
from app.providers.apis.http_stream import ChunkStream
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.providers.transport.response import Timeouts, UpstreamResponse
from app.testing.model_server import LAST, chunk, sse
from app.testing.provider_apis import OPENAI

HEADERS = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
TIMEOUTS = Timeouts(5, 5, 5, 30)

texts = st.text(st.sampled_from('ab é"\\\n\0😀中'), max_size=4)
events = st.one_of(
    texts.map(OPENAI.text),
    texts.map(OPENAI.text),
    st.sampled_from(
        [
            OPENAI.thought("hm"),
            OPENAI.ping,
            *OPENAI.nothing,
            OPENAI.text("cr").replace(b"\n", b"\r\n"),
            OPENAI.text("tight").replace(b"data: ", b"data:"),
            OPENAI.text("a") + OPENAI.text("b"),
            OPENAI.text("two lines")[:-1] + b"event: x\n\n",
            sse({"choices": [{"index": 0, "delta": {"content": "early"}, "finish_reason": "stop"}]}),
        ]
    ),
)


class Idle:
    """Keeps no connections."""

    def give_back(self, connection: Any) -> None:
        connection.close()


def heard(pieces: Sequence[bytes], take: Callable[[list[Any]], TakesText] | None) -> list[Any]:
    """The chunks of a response that comes in these pieces, each once the one before was read. `take` makes what takes
    text into the list; without it all comes the long way."""
    ours, theirs = socket.socketpair()
    response = UpstreamResponse(Idle(), TIMEOUTS, ours, 200, HEADERS, b"")  # type: ignore[arg-type]
    stream, chunks = ChunkStream(response, OpenAIDecoder(), 5), []
    if take:
        stream.shorten(take(chunks))

    def read() -> None:
        for batch in stream:
            chunks.extend(batch)

    reader = gevent.spawn(read)
    with theirs, suppress(BrokenPipeError):  # where the reader has ended
        for piece in pieces:
            gevent.idle()
            theirs.sendall(piece)
        gevent.idle()
    reader.get(timeout=10)
    return chunks


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    at = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[start:end] for start, end in pairwise(at)]


def takes_all(chunks: list[Any]) -> TakesText:
    return lambda text: not chunks.append(TextDelta(text))


def wakes_the_reader(chunks: list[Any]) -> TakesText:
    return lambda text: bool(chunks.append(TextDelta(text)))


def takes_some(chunks: list[Any]) -> TakesText:
    return lambda text: None if "a" in text else not chunks.append(TextDelta(text))


WAYS = {"all": takes_all, "waking": wakes_the_reader, "some": takes_some}


@pytest.mark.parametrize("way", WAYS)
@given(said=st.lists(events, max_size=12), places=st.lists(st.integers(0, 10_000), max_size=12), whole=st.booleans())
@example(said=[OPENAI.text("a")] * 6, places=[], whole=False)
def test_the_short_way_and_the_long_one_say_the_same(way, said, places, whole) -> None:
    answer = [
        chunk(event) for event in [OPENAI.begin, OPENAI.text("x"), OPENAI.text("y"), *said, OPENAI.end()] if event
    ]
    data = b"".join(answer) + LAST
    pieces = [*answer, LAST] if whole else cut(data, places)
    assert heard(pieces, WAYS[way]) == heard([data], None)


def test_tokens_that_come_one_by_one_take_it() -> None:
    """But for the one from which the others are known, and for what is more than text."""
    short: list[str] = []

    def take(chunks: list[Any]) -> TakesText:
        return lambda text: not (short.append(text) or chunks.append(TextDelta(text)))

    words = ["one ", "two ", "drei ", "四 ", "five"]
    answer = [*map(OPENAI.text, ["zero ", *words, ""]), OPENAI.thought("hm"), OPENAI.text("six"), OPENAI.end()]
    chunks = heard([*map(chunk, answer), LAST], take)
    assert short == words
    assert [each.text for each in chunks if isinstance(each, TextDelta)] == ["zero ", *words, "six"]
    assert chunks.index(ReasoningDelta("hm")) == len(words) + 1


def test_what_goes_wrong_in_it_is_raised_by_the_reader() -> None:
    def take(_chunks: list[Any]) -> TakesText:
        return lambda text: len(text) // 0 > 0

    with pytest.raises(ZeroDivisionError):
        heard([chunk(OPENAI.text(word)) for word in "abcd"], take)
