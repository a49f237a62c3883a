"""Chunks that come in a burst, which are taken at once: the payload is that of taking one after another."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.transport.http1 import BURST_BYTES, ProtocolError, body_of

CHUNKED = {"transfer-encoding": "chunked"}


def received(*pieces: bytes) -> tuple[bytes, bool]:
    """The payload, and whether the body was complete with it."""
    body = body_of(CHUNKED)
    return b"".join(map(body.feed, pieces)), body.complete


def framed(*payloads: bytes, extension: bytes = b"") -> bytes:
    return b"".join(b"%x%b\r\n%b\r\n" % (len(payload), extension, payload) for payload in payloads)


LAST = b"0\r\n\r\n"
TOKENS = [b"data: token %d\n\n" % number for number in range(BURST_BYTES // 8)]
WITH_LINE_ENDS = [token.replace(b" ", b"\r\n") for token in TOKENS]
BURSTS = {  # all longer than BURST_BYTES, and what is in them
    "tokens": (framed(*TOKENS) + LAST, TOKENS),
    "line ends in all": (framed(*WITH_LINE_ENDS) + LAST, WITH_LINE_ENDS),
    "line ends in one": (framed(*TOKENS, b"\r\n0\r\n\r\n", *TOKENS) + LAST, [*TOKENS, b"\r\n0\r\n\r\n", *TOKENS]),
    "nothing but line ends": (framed(*[b"\r\n"] * 1_000) + LAST, [b"\r\n"] * 1_000),
    "chunks in a chunk": (framed(framed(*TOKENS) + LAST) + LAST, [framed(*TOKENS), LAST]),
    "extensions": (framed(*TOKENS, extension=b' ; a="b"') + LAST, TOKENS),
    "extensions behind the first": (framed(*TOKENS) + framed(*TOKENS, extension=b";a") + LAST, TOKENS * 2),
    "a trailer": (framed(*TOKENS) + b"000\r\n" + b"Name: value\r\n" * 500 + b"\r\n", TOKENS),
    "zeros in front of the sizes": (b"".join(b"00" + framed(token) for token in TOKENS) + LAST, TOKENS),
    "chunks as large as a burst": (framed(*[b"x" * BURST_BYTES] * 5) + LAST, [b"x" * BURST_BYTES * 5]),
}


@pytest.mark.parametrize("name", BURSTS)
def test_a_burst_is_what_its_chunks_are_however_it_is_cut(name) -> None:
    data, payloads = BURSTS[name]
    assert len(data) > BURST_BYTES
    assert received(data) == (b"".join(payloads), True)
    for at in range(1, len(data), 29):
        assert received(data[:at], data[at:]) == (b"".join(payloads), True)
    for size in (BURST_BYTES - 1, BURST_BYTES, BURST_BYTES + 1, BURST_BYTES + 100):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert received(*pieces) == (b"".join(payloads), True)


@pytest.mark.parametrize("name", BURSTS)
def test_what_comes_behind_the_end_of_a_burst_is_surplus(name) -> None:
    data, payloads = BURSTS[name]
    body = body_of(CHUNKED)
    assert body.feed(data + b"HTTP/1.1 200 OK\r\n\r\n") == b"".join(payloads)
    assert (body.complete, body.surplus) == (True, True)
    body = body_of(CHUNKED)
    body.feed(data)
    assert (body.complete, body.surplus) == (True, False)


PAYLOADS = st.binary(min_size=1, max_size=300) | st.sampled_from(
    [b"\r\n", b"0\r\n\r\n", b"5\r\nHello\r\n", b"\r", b"\n"]
)


@given(
    st.lists(st.tuples(PAYLOADS, st.sampled_from([b"", b"", b"", b";a", b" "])), min_size=20, max_size=40),
    st.lists(st.integers(0, 12_000), max_size=4),
)
def test_any_burst_gives_its_payload_wherever_it_is_cut(chunks, cuts) -> None:
    data = b"".join(framed(payload, extension=extension) for payload, extension in chunks * 2) + LAST
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges) if end > start]
    assert received(*pieces) == (b"".join(payload for payload, _ in chunks * 2), True)


WRONG = {
    "a size too small": b"3\r\nHello\r\n",
    "a size too large": b"6\r\nHello\r\n5\r\nHello\r\n",
    "a size that is none": b"xyz\r\nHello\r\n",
    "no size": b"\r\nHello\r\n",
    "a size with a sign": b"+5\r\nHello\r\n",
    "a size with a line in it": b"1_0\r\n0123456789abcdef\r\n",
    "a size with blanks in front of it": b" 5\r\nHello\r\n",
    "a size of the next chunk's length": b"5\r\nHel\r\nlo\r\n\r\n",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("before", [0, len(TOKENS)], ids=["in front of tokens", "among them"])
@pytest.mark.parametrize("last", [b"", LAST], ids=["without the end", "with it"])
def test_a_fault_in_a_burst_is_one_and_what_came_before_it_is_said(name, before, last) -> None:
    data = framed(*TOKENS[:before]) + WRONG[name] + framed(*TOKENS) + last
    with pytest.raises(ProtocolError) as raised:
        body_of(CHUNKED).feed(data)
    said = b"".join(TOKENS[:before])
    assert raised.value.payload.startswith(said)
    assert len(raised.value.payload) <= len(said) + len(WRONG[name])
