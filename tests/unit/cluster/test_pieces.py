"""A piece of an answer comes to another worker as it was sent, and what is none raises ValueError."""

import json

import pytest

from app.cluster.pieces import piece_from_json, piece_to_json
from app.engine.errors import ChatError, Problem
from app.engine.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from app.engine.messages import ProviderMetadata
from app.engine.retelling import Piece

EVENTS = [
    RoundStarted(),
    SourceFound("a.md", "Title", "https://a.example"),
    ReasoningStarted(1),
    ReasoningDelta("hm"),
    ReasoningEnded(1),
    TextStarted(2),
    TextDelta('a "🙂" \ud800 \u2028\n'),
    TextEnded(2),
    ToolCalled("c1", "clock", {"zone": ["UTC", None, 1.5]}),
    ToolReturned("c1", "clock", {"time": [12, True]}),
    ToolReturned("c2", "clock", "no such zone", is_error=True),
    RoundFinished(),
]


def test_every_event_comes_as_it_was() -> None:
    for piece in (Piece("a1", 120, 2, EVENTS), Piece("a1", 0, 0, [], has_ended=True)):
        assert piece_from_json(json.loads(json.dumps(piece_to_json(piece)))) == piece


def test_with_which_error_it_has_ended_comes_too() -> None:
    error = ChatError(Problem.OVERLOADED, "The server is restarting")
    sent = piece_from_json(piece_to_json(Piece("a1", 0, 0, [], has_ended=True, error=error)))
    assert sent.error
    assert (sent.error.problem, sent.error.message) == (error.problem, error.message)


def test_metadata_is_for_models_and_not_sent() -> None:
    ended = ReasoningEnded(1, ProviderMetadata({"signature": "s"}, "m"))
    assert piece_from_json(piece_to_json(Piece("a1", 0, 0, [ended]))).events == [ReasoningEnded(1)]


@pytest.mark.parametrize(
    "data",
    [
        *(
            None,
            7,
            "piece",
            [],
            ["a1", 0, 0, False, []],
            {"a1": 0},
            [1, 0, 0, False, [], []],
            ["a1", "0", 0, False, [], []],
        ),
        *(
            ["a1", 0, 0, False, [], [event]]
            for event in (7, None, [], ["Nothing"], [["x"]], ["TextDelta", 7], ["TextStarted"], ["TextStarted", "1"])
        ),
        ["a1", 0, 0, False, [], [["ToolCalled", "c1", "clock", []]]],
        *(["a1", 0, 0, True, error, []] for error in (["NO_PROBLEM", "x"], ["STOPPED"], ["STOPPED", 7])),
        ["a1", 0, 0, False, [], [["TurnFailed", "x"]]],
    ],
    ids=json.dumps,
)
def test_what_is_none_is_an_error(data) -> None:
    with pytest.raises(ValueError, match="no "):
        piece_from_json(data)
