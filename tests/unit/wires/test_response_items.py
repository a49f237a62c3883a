"""How the items of a response say that they have ended: whole, or broken off with it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from support.responses_wire import events_of, kinds

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RoundFinished,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import (
    FinishReason,
    Message,
    Part,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    Usage,
)
from app.wires.responses.encoder import ResponseEncoder
from app.wires.responses.requests import ResponseRequestSchema

FIRST = TurnStarted("c" * 32, "d" * 32, "a" * 32)
TEXT = [TextStarted(1), TextDelta("so far"), TextEnded(1)]
MORE = [TextStarted(2), TextDelta("and on"), TextEnded(2)]
THOUGHT = [ReasoningStarted(1), ReasoningDelta("Hm"), ReasoningEnded(1)]
CALL = [ToolCalled("call_1", "weather", {})]
SAID: dict[str, tuple[Sequence[Event], Sequence[Part], list[str | None]]] = {
    "a text": (TEXT, [TextPart("so far")], ["incomplete"]),
    "two": ([*TEXT, RoundFinished(), *MORE], [TextPart("so far"), TextPart("and on")], ["completed", "incomplete"]),
    "a call behind it": (
        [*TEXT, *CALL],
        [TextPart("so far"), ToolCallPart("call_1", "weather", {})],
        ["completed", "completed"],
    ),
    "a thought behind it": ([*TEXT, *THOUGHT], [TextPart("so far"), ReasoningPart("Hm")], ["completed", None]),
    "a thought before it": ([*THOUGHT, *TEXT], [ReasoningPart("Hm"), TextPart("so far")], [None, "incomplete"]),
    "nothing": ([], [], []),
}
STATES = {"incomplete": "length", "completed": "stop", "failed": None, "cancelled": None}


def finished(parts: Sequence[Part], reason: FinishReason) -> TurnFinished:
    return TurnFinished(Message("assistant", tuple(parts)), reason, Usage(1, 2), FIRST.conversation_id)


def ending(state: str, parts: Sequence[Part]) -> Event:
    if state in ("failed", "cancelled"):
        return TurnFailed(ChatError(Problem.STOPPED if state == "cancelled" else Problem.UPSTREAM_FAILED))
    return finished(parts, STATES[state])  # type: ignore[arg-type]


def encoder(**options: Any) -> ResponseEncoder:
    asked = ResponseRequestSchema().load({"model": "open", "input": "Hi"}).asked
    return ResponseEncoder(asked, lambda _call: True, **options)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
def test_the_last_message_of_what_was_broken_off_is_incomplete_in_its_event_and_in_the_whole(
    name, state, at_once
) -> None:
    said, parts, statuses = SAID[name]
    batch, told = [FIRST, *said, RoundFinished(), ending(state, parts)], encoder()
    data = told.encode(batch) if at_once else b"".join(told.encode([event]) for event in batch)
    events = events_of(data)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    wanted = ["completed" if each == "incomplete" and state == "completed" else each for each in statuses]
    assert [item.get("status") for item in done] == wanted
    assert events[-1]["response"]["output"] == done
    assert events[-1]["response"]["status"] == state
    assert [event["output_index"] for event in events if "output_item" in event["type"]] == [
        index for index in range(len(done)) for _ in range(2)
    ]
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted({*numbers})


@pytest.mark.parametrize("after", range(16))
def test_who_comes_back_hears_how_it_ended_with_the_same_number(after) -> None:
    batch = [FIRST, *TEXT, RoundFinished(), finished([TextPart("so far")], "length")]
    whole = events_of(encoder(completed_at=1000).encode(batch))
    again = events_of(encoder(after=after, completed_at=1000).encode(batch))
    left = [event for event in whole if event["sequence_number"] > after]
    assert [event["sequence_number"] for event in again] == [event["sequence_number"] for event in left]
    assert kinds(again) == kinds(left)
    told = encoder(completed_at=1000)
    told.encode(batch[:4])
    assert kinds(events_of(told.encode(batch[4:]))) == ["output_item.done", "incomplete"]


def test_a_thought_that_is_not_shown_does_not_make_the_message_before_it_complete() -> None:
    hidden = ReasoningPart("", ProviderMetadata({"signature": "x"}, "m"), shown=False)
    said = [FIRST, *TEXT, finished([TextPart("so far"), hidden], "length")]
    events = events_of(encoder(seal=lambda _: "sealed").encode(said))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    message, thought = events[-1]["response"]["output"]
    assert done == [message]
    assert (message["status"], thought["encrypted_content"]) == ("incomplete", "sealed")
    assert json.dumps(events[-1]).count("incomplete") > 1
