"""The receiving half of HTTP/1.1: whole, cut anywhere, and malformed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.transport.http1 import (
    MOST_CHUNK_LINE_BYTES,
    MOST_HEAD_BYTES,
    ProtocolError,
    body_of,
    parse_head,
)

CHUNKED = {"transfer-encoding": "chunked"}


def received(headers: dict[str, str], *pieces: bytes) -> tuple[bytes, bool]:
    body = body_of(headers)
    return b"".join(body.feed(piece) for piece in pieces), body.complete


HEADS = {
    "plain": (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest", 200, {"a": "b"}, b"rest"),
    "no fields": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, {}, b""),
    "no reason": (b"HTTP/1.1 200\r\n\r\n", 200, {}, b""),
    "HTTP/1.0": (b"HTTP/1.0 500 Oh no\r\n\r\n", 500, {}, b""),
    "names in any case, blanks around values": (
        b"HTTP/1.1 200 OK\r\nX-AbC: \t d e \r\n\r\n",
        200,
        {"x-abc": "d e"},
        b"",
    ),
    "a name twice": (b"HTTP/1.1 200 OK\r\nA: b\r\na: c\r\n\r\n", 200, {"a": "b, c"}, b""),
    "an empty value, colons in one": (b"HTTP/1.1 200 OK\r\nA:\r\nB: c:d\r\n\r\n", 200, {"a": "", "b": "c:d"}, b""),
    "bytes that are no ASCII": (b"HTTP/1.1 200 OK\r\nA: \xe9\r\n\r\n", 200, {"a": "\xe9"}, b""),
    "an interim response": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", 200, {}, b"x"),
    "two interim responses": (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
        200,
        {"a": "b"},
        b"",
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_read_as_soon_as_it_is_complete_and_not_before(name) -> None:
    data, status, headers, rest = HEADS[name]
    assert parse_head(data) == (status, headers, rest)
    for end in range(len(data) - len(rest)):
        assert parse_head(data[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK 200\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"<html>\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"x" * (MOST_HEAD_BYTES + 1),
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * MOST_HEAD_BYTES,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_head_is_refused(data) -> None:
    with pytest.raises(ProtocolError):
        parse_head(data)


CHUNKS = {
    "one chunk": (b"5\r\nHello\r\n0\r\n\r\n", b"Hello"),
    "two chunks": (b"3\r\nHel\r\n2\r\nlo\r\n0\r\n\r\n", b"Hello"),
    "none": (b"0\r\n\r\n", b""),
    "extensions": (b'3;a=b\r\nHel\r\n2 ; c="d"\r\nlo\r\n0;e\r\n\r\n', b"Hello"),
    "a trailer": (b"5\r\nHello\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"Hello"),
    "sizes in either case with zeros before": (
        b"0000A\r\n0123456789\r\n0b\r\n0123456789a\r\n000\r\n\r\n",
        b"01234567890123456789a",
    ),
    "line ends in the payload": (b"6\r\n\r\n0\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r"),
    "a large chunk": (b"2000\r\n" + b"x" * 0x2000 + b"\r\n0\r\n\r\n", b"x" * 0x2000),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_are_put_together_whole_or_byte_by_byte(name) -> None:
    data, payload = CHUNKS[name]
    assert received(CHUNKED, data) == (payload, True)
    assert received(CHUNKED, *[data[at : at + 1] for at in range(len(data))]) == (payload, True)


@pytest.mark.parametrize("name", CHUNKS)
def test_a_chunked_body_is_complete_at_its_last_byte_and_cut_before_it(name) -> None:
    data, _ = CHUNKS[name]
    for end in range(0, len(data), max(len(data) // 100, 1)):
        body = body_of(CHUNKED)
        body.feed(data[:end]) if end else None
        assert not body.complete
        with pytest.raises(ProtocolError):
            body.feed(b"")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 300), max_size=12))
def test_any_cut_of_the_same_chunks_gives_the_same_payload(payloads, cuts) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(payload), payload) for payload in payloads) + b"0\r\n\r\n"
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges) if end > start]
    assert received(CHUNKED, *pieces) == (b"".join(payloads), True)


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"\r\n",
        b"-5\r\nHello\r\n",
        b"5 5\r\nHello",
        b"0x5\r\nHello\r\n",
        b"+5\r\nHello\r\n",
        b"1_0\r\n",
        b"5" * 2000,
    ],
    ids=repr,
)
def test_a_size_that_is_none_is_refused(data) -> None:
    with pytest.raises(ProtocolError):
        received(CHUNKED, data, b"")


@pytest.mark.parametrize("data", [b"5\r\nHelloXX0\r\n\r\n", b"3\r\nHello\r\n0\r\n\r\n"], ids=repr)
def test_a_chunk_that_is_longer_than_it_says_is_refused(data) -> None:
    with pytest.raises(ProtocolError):
        received(CHUNKED, data)


def test_a_size_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(ProtocolError):
        received(CHUNKED, *[b"1;"] * (MOST_CHUNK_LINE_BYTES + 2))


@given(st.binary(max_size=50), st.integers(0, 50))
def test_a_sized_body_is_as_long_as_it_says(payload, cut) -> None:
    headers = {"content-length": str(len(payload))}
    assert received(headers, *filter(None, [payload[:cut], payload[cut:] + b"more"])) == (payload, True)


def test_a_sized_body_that_ends_early_was_cut() -> None:
    with pytest.raises(ProtocolError):
        received({"content-length": "5"}, b"Hell", b"")


@pytest.mark.parametrize("length", ["", "-1", "x", "1, 2", "1.0", "0x10", "5" * 5_000], ids=lambda said: repr(said[:9]))
def test_a_length_that_is_none_is_refused(length) -> None:
    with pytest.raises(ProtocolError):
        body_of({"content-length": length})


def test_a_body_without_length_ends_with_the_connection() -> None:
    assert received({}, b"Hel", b"lo") == (b"Hello", False)
    assert received({}, b"Hel", b"lo", b"") == (b"Hello", True)


def test_chunks_win_over_a_length() -> None:
    assert received({"transfer-encoding": "gzip, Chunked", "content-length": "99"}, b"1\r\nx\r\n0\r\n\r\n") == (
        b"x",
        True,
    )
