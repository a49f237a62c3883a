"""Ids stand where a stream's frames have a place for them, and nowhere else."""

from typing import Any

import pytest
from support.wires import AgentsStream, WidgetStream

from app.engine.errors import ChatError, Problem
from app.engine.events import SourceFound, TextDelta, TextStarted, TurnFailed, TurnFinished, TurnStarted
from app.engine.messages import Usage, text_message
from app.engine.replay import Position
from app.web.responses.numbered import numbered

SAID = [TextStarted(1), TextDelta("so"), TextDelta(" far"), SourceFound("a.md", "A"), SourceFound("a.md", "A")]


class Plain:
    """Lines that are no JSON objects."""

    content_type = "text/plain; charset=utf-8"

    def encode(self, batch: Any) -> bytes:
        return b"".join(f"+{each.text}\n".encode() for each in batch if isinstance(each, TextDelta)) or b"\n"


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        (AgentsStream().encoder, [b"id: a.8\n", b"id: a.10\n", b"id: a.14\n", b"id: a.15\n"]),
        (WidgetStream().encoder, [b',"cursor":"a.10"}\n', b',"cursor":"a.14"}\n']),
        (Plain, []),
    ],
    ids=["server-sent events", "NDJSON", "other lines"],
)
def test_each_frame_says_where_it_ends_if_it_can(encoder, told) -> None:
    with_ids = numbered(encoder(), "a", Position(7))
    data = with_ids.encode(SAID)
    assert [data.count(each) for each in told] == [1] * len(told)
    for each in told:
        data = data.replace(each, b"" if each.startswith(b"id") else b"}\n")
    assert data == encoder().encode(SAID)


@pytest.mark.parametrize("encoder", [AgentsStream().encoder(), WidgetStream().encoder(), Plain()])
def test_a_keep_alive_has_none(encoder) -> None:
    assert numbered(encoder, "a", Position(7)).encode([]) == encoder.encode([])


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (TurnFinished(text_message("assistant", "x"), "stop", Usage(), "0" * 32), True),
        (TurnFailed(ChatError(Problem.STOPPED)), True),
        (TurnFailed(ChatError(Problem.LIMITED, "Too slow")), False),
        (TurnFailed(ChatError(Problem.LOST)), False),
    ],
    ids=["finished", "stopped", "the listener is too slow", "lost"],
)
@pytest.mark.parametrize("wire", [AgentsStream(), WidgetStream()], ids=repr)
def test_the_answers_last_event_says_that_it_is_the_end(wire, last, end) -> None:
    encoder = wire.encoder()
    encoder.encode([TurnStarted("0" * 32, "1" * 32, "2" * 32)])
    told = numbered(encoder, "a", Position(7)).encode([last])
    assert (b"a.7.end" in told, b"a.7" in told) == (end, True)
