"""Every wire, with its own encoder: an answer that is read on from any of its ids says the same as one that is heard
whole, nothing is missing, and nothing comes twice."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.made_up_answers import answers
from support.wires import every_stream

from app.engine.errors import ChatError, Problem
from app.engine.events import Event, ReasoningIdentified, TurnFailed, TurnFinished, TurnStarted
from app.engine.messages import Usage, text_message
from app.engine.replay import Position, Snapshot
from app.engine.transcript import Transcript
from app.store.parts import message_from_json, parts_to_json
from app.testing.asked import Frames, cursors, numbered, plain, until
from app.testing.wire_client import WireClient
from app.web.responses.numbered import numbered as with_ids

ANSWER = "0123456789abcdef0123456789abcdef"
FIRST = TurnStarted(ANSWER[::-1], ANSWER[1:] + "0", ANSWER)
FAILED = TurnFailed(ChatError(Problem.BROKEN_OFF))
DELTAS: tuple[tuple[str | int, ...], ...] = (
    ("token",),
    ("response",),
    ("delta",),
    ("delta", "text"),
    ("choices", 0, "delta", "content"),
    ("choices", 0, "delta", "reasoning_content"),
)
"""Where a frame has a piece of a text."""
BOUNDS = ("start-step", "finish-step")

ended = st.sampled_from(["complete", "failed"])


def last_event(transcript: Transcript, how: str) -> Event:
    text = transcript.message().text
    done = TurnFinished(text_message("assistant", text), "stop", Usage(1, 2), FIRST.conversation_id)
    return done if how == "complete" else FAILED


def heard(wire: WireClient, position: int, before: Sequence[Event], batches: Sequence[Sequence[Event]]) -> Frames:
    """By who has heard `before`, with ids."""
    encoder = wire.encoder()
    encoder.encode(before)
    told = with_ids(encoder, ANSWER, Position(position, before))
    return numbered(b"".join(told.encode(batch) for batch in batches if batch))


def meaning(wire: WireClient, frames: Frames) -> list[Any]:
    """What the frames say: the deltas of a part in a row as one, and without the bounds of steps."""
    said: list[Any] = []
    for frame in wire.frames(plain(frames)):
        if isinstance(frame, Mapping) and frame.get("type") in BOUNDS:
            continue
        piece = json.loads(json.dumps(frame))
        text = next((text for path in DELTAS if (text := taken(piece, path))), "")
        if text and said and said[-1][0] == piece:
            said[-1][1] += text
        else:
            said.append([piece, text])
    return said


def taken(frame: Any, path: Sequence[str | int]) -> str:
    """The text at that place, which is empty then; "" where there is none."""
    *outer, last = path
    try:
        for step in outer:
            frame = frame[step]
        text = frame[last]
    except (KeyError, IndexError, TypeError):
        return ""
    if not isinstance(text, str):
        return ""
    frame[last] = ""
    return text


@every_stream
@given(answers(), ended)
def test_a_stored_answer_read_on_from_any_id_says_what_was_left(wire, batches, how) -> None:
    transcript = Transcript(10_000)
    for batch in batches:
        transcript.add(batch)
    last = last_event(transcript, how)
    whole = heard(wire, 0, (), [[FIRST], *batches, [last]])
    stored = Snapshot(message_from_json("assistant", parts_to_json(transcript.message())).parts)
    told = heard(wire, 0, (), [[FIRST], *batches])
    for cursor in cursors(told):
        position = int(cursor.partition(".")[2])
        before, behind = stored.replay(position)
        rest = heard(wire, position, [FIRST, *before], [[*behind, last]])
        assert meaning(wire, [*until(told, cursor), *rest]) == meaning(wire, whole)
        assert [each for each, _ in rest if each][-1] == [each for each, _ in whole if each][-1]


@every_stream
@given(answers(), ended, st.data())
def test_an_answer_that_runs_is_heard_from_any_id_to_its_end(wire, batches, how, data) -> None:
    transcript = Transcript(10_000)
    comes = data.draw(st.integers(0, len(batches)), label="batches before the listener comes")
    for batch in batches[:comes]:
        transcript.add(batch)
    snapshot = transcript.snapshot()
    for batch in batches[comes:]:
        transcript.add(batch)
    last = last_event(transcript, how)
    whole = heard(wire, 0, (), [[FIRST], *batches, [last]])
    so_far = heard(wire, 0, (), [[FIRST], *batches[:comes]])
    for cursor in cursors(so_far):
        position = int(cursor.partition(".")[2])
        before, behind = snapshot.replay(position)
        rest = heard(wire, position, [FIRST, *before], [behind, *batches[comes:], [last]])
        assert meaning(wire, [*until(so_far, cursor), *rest]) == meaning(wire, whole)


@every_stream
@given(answers())
def test_thoughts_for_the_model_alone_have_no_place_in_any_stream(wire, batches) -> None:
    shown = [[event for event in batch if not isinstance(event, ReasoningIdentified)] for batch in batches]
    assert heard(wire, 0, (), [[FIRST], *batches]) == heard(wire, 0, (), [[FIRST], *shown])
