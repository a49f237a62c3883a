"""Server-sent events as model servers send them, cut anywhere."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.transport.sse import EventStream

STREAMS = {
    "one event": (b"data: a\n\n", [b"a"]),
    "two events": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "no space": (b"data:a\n\n", [b"a"]),
    "only the first space is not data": (b"data:  a \n\n", [b" a "]),
    "several lines": (b"data: a\ndata: b\ndata:\n\n", [b"a\nb\n"]),
    "names, ids, retries": (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
    "comments": (b": ping\n\n:\n\ndata: a\n: in between\ndata: b\n\n", [b"a\nb"]),
    "blank lines": (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
    "unknown fields": (b"database: x\ndat: y\nDATA: z\n data: q\ndata: a\n\n", [b"a"]),
    "colons in the data": (b'data: {"a": "b: c"}\n\n', [b'{"a": "b: c"}']),
    "bytes of any kind": ("data: ü\u2028\x0b\x0c\x1c\x85😀\n\n".encode(), ["ü\u2028\x0b\x0c\x1c\x85😀".encode()]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [b"a", b"b"]),
    "no line end at the end": (b"data: a\n\ndata: b", [b"a", b"b"]),
    "a field called error": (b'error: {"code":500}\n\ndata: a\n\n', [b'error: {"code":500}', b"a"]),
    "an event called error": (b"event: error\ndata: x\n\ndata: a\n\n", [b"error:\nx", b"a"]),
    "an event called error, its name behind the data": (b"data: x\nevent:error\n\ndata: a\n\n", [b"error:\nx", b"a"]),
    "an event called error, without data": (b"event: error\n\ndata: a\n\n", [b"error:", b"a"]),
    "JSON in no field": (b'data: a\n\n{"error":{}}\n', [b"a", b'{"error":{}}']),
    "names and fields that begin as error does": (b"event: errors\nerrors: x\nerr: x\nerror\ndata: a\n\n", [b"a"]),
    "nothing": (b"", []),
    "an event without data": (b"event: ping\n\n", []),
}
ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def read(*pieces: bytes) -> list[bytes]:
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)] + stream.end()


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("end", ENDS)
def test_events_are_read_whole_and_byte_by_byte_with_every_line_end(name, end) -> None:
    data, events = STREAMS[name]
    data = data.replace(b"\n", ENDS[end])
    assert read(data) == events
    assert read(*[data[at : at + 1] for at in range(len(data))]) == events


@pytest.mark.parametrize("end", ENDS)
def test_an_event_is_there_as_soon_as_its_blank_line_is(end) -> None:
    stream = EventStream()
    line = ENDS[end]
    assert stream.feed(b"data: a" + line) == []
    got = stream.feed(line)
    if end == "CR":  # which may be half of a CRLF, so that the next byte tells
        got += stream.feed(b"data: b")
    assert got == [b"a"]


def test_a_byte_order_mark_is_not_part_of_the_first_line() -> None:
    assert read("\ufeffdata: a\n\n".encode()) == [b"a"]


def test_a_field_without_a_colon_is_one_with_an_empty_value() -> None:
    assert read(b"data\n\n") == read(b"data:\n\n") == [b""]


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data:",
        b": c",
        b"event: x",
        b"event: error",
        b"error: e",
        b"{}",
        b"",
        b"",
        b"data: d\xc3\xa9",
    ]
)


@given(
    st.lists(st.tuples(LINES, st.sampled_from(list(ENDS.values()))), max_size=15),
    st.lists(st.integers(0, 150), max_size=8),
)
def test_any_cut_of_the_same_bytes_gives_the_same_events(lines, cuts) -> None:
    data = b"".join(line + end for line, end in lines)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert read(*[data[start:end] for start, end in pairwise(edges)]) == read(data)
