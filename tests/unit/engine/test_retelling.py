"""An answer that grows between looks at it is told as if it were heard: nothing is missing, nothing comes twice."""

import json

from hypothesis import given
from hypothesis import strategies as st
from support.made_up_answers import answers

from app.cluster.pieces import piece_from_json, piece_to_json
from app.engine.events import (
    Event,
    ReasoningDelta,
    RoundFinished,
    RoundStarted,
    TextDelta,
    TextEnded,
    TextStarted,
)
from app.engine.messages import TextPart
from app.engine.replay import Snapshot
from app.engine.retelling import Piece, Pieces, Retelling
from app.engine.transcript import Transcript


def in_one(events: list[Event]) -> list[Event]:
    """With the deltas in a row as one."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta) and found and type(found[-1]) is type(event):
            found[-1] = type(event)(found[-1].text + event.text)
        else:
            found.append(event)
    return found


@given(answers(), st.data())
def test_all_looks_together_tell_the_answer_once(batches, data) -> None:
    transcript, retelling, told = Transcript(10_000), Retelling(), list[Event]()
    for batch in batches:
        transcript.add(batch)
        if data.draw(st.booleans()):
            told += retelling.news(Snapshot(transcript.message().parts, is_open=True, in_round=True))
    whole = Snapshot(transcript.message().parts)
    told += retelling.news(whole)
    assert in_one(told) == in_one(whole.replay(0)[1])
    assert not retelling.news(whole)


def test_a_text_goes_on_where_it_was_and_an_older_look_tells_nothing() -> None:
    retelling = Retelling()
    looks = [Snapshot([TextPart(text)], is_open=True, in_round=True) for text in ("so", "so far", "so", "so far")]
    told = [[*retelling.news(each)] for each in looks]
    assert told[0][1:] == [TextStarted(1), TextDelta("so")]
    assert told[1:] == [[TextDelta(" far")], [], []]
    assert retelling.news(Snapshot([TextPart("so far.")]))[:2] == [TextDelta("."), TextEnded(1)]


def sent_on(piece: Piece) -> Piece:
    """As it comes to another worker."""
    return piece_from_json(json.loads(json.dumps(piece_to_json(piece))))


@given(answers(), st.data())
def test_looks_and_pieces_together_tell_it_once_whatever_is_lost_late_or_twice(batches, data) -> None:
    transcript, retelling, told = Transcript(10_000), Retelling(), list[Event]()
    pieces, sent, waiting = None, list[Piece](), list[Event]()
    for batch in batches:
        transcript.add(batch)
        waiting += batch if pieces else ()
        if pieces is None and data.draw(st.booleans()):
            pieces = Pieces("a", transcript.snapshot())
        elif pieces and data.draw(st.booleans()):
            sent.append(sent_on(pieces.piece(waiting)))
            waiting = []
        for piece in data.draw(st.lists(st.sampled_from(sent), max_size=2)) if sent else ():
            told += retelling.heard(piece) or ()
        if data.draw(st.booleans()):
            told += retelling.news(Snapshot(transcript.message().parts, is_open=True, in_round=True))
    whole = Snapshot(transcript.message().parts)
    told += retelling.news(whole)
    assert in_one(told) == in_one(whole.replay(0)[1])


@given(answers(), st.data())
def test_pieces_one_after_the_other_need_no_look(batches, data) -> None:
    transcript, retelling = Transcript(10_000), Retelling()
    pieces, told, waiting = Pieces("a", transcript.snapshot()), list[Event](), list[Event]()
    for batch in batches:
        transcript.add(batch)
        waiting += batch
        if data.draw(st.booleans()):
            heard = retelling.heard(sent_on(pieces.piece(waiting)))
            assert heard is not None
            told += heard
            waiting = []
    told += retelling.heard(sent_on(pieces.piece(waiting))) or ()
    assert in_one(told) == in_one(Snapshot(transcript.message().parts).replay(0)[1])


def test_what_something_is_missing_before_waits() -> None:
    retelling, pieces = Retelling(), Pieces("a", Snapshot([]))
    first, second = pieces.piece([RoundStarted(), TextStarted(1), TextDelta("so")]), pieces.piece([TextDelta(" far")])
    assert retelling.heard(second) is None
    assert retelling.heard(first) == [RoundStarted(), TextStarted(1), TextDelta("so")]
    assert retelling.heard(second) == [TextDelta(" far")]
    assert not retelling.heard(first)
    assert not retelling.heard(second)
    beyond = pieces.piece([TextEnded(1), RoundFinished()])
    last = pieces.piece([RoundStarted()])
    assert retelling.heard(last) is None, "a round's bounds are missing, which count nothing"
    assert retelling.heard(beyond) == [TextEnded(1), RoundFinished()]
    assert retelling.heard(last) == [RoundStarted()]
