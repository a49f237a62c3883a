"""The starts and ends of an answer's parts, put in between a model's chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
)
from app.engine.framing import END_OF_THOUGHTS, Framing
from app.engine.messages import ProviderMetadata

CALL = ToolCalled("call_1", "clock", {})
OTHER = ToolCalled("call_2", "clock", {})
SIGNED = ReasoningIdentified(ProviderMetadata({"signature": "x"}))

CASES = {
    "nothing": ([], []),
    "an empty batch": ([[]], []),
    "one delta": ([[TextDelta("a")]], [TextStarted(1), TextDelta("a"), TextEnded(1)]),
    "a part goes on over several batches": (
        [[TextDelta("a")], [], [TextDelta("b"), TextDelta("c")]],
        [TextStarted(1), TextDelta("a"), TextDelta("b"), TextDelta("c"), TextEnded(1)],
    ),
    "reasoning, then text": (
        [[ReasoningDelta("hm")], [TextDelta("a")]],
        [ReasoningStarted(1), ReasoningDelta("hm"), ReasoningEnded(1), TextStarted(2), TextDelta("a"), TextEnded(2)],
    ),
    "text, reasoning, text": (
        [[TextDelta("a"), ReasoningDelta("hm"), TextDelta("b")]],
        [
            *(TextStarted(1), TextDelta("a"), TextEnded(1)),
            *(ReasoningStarted(2), ReasoningDelta("hm"), ReasoningEnded(2)),
            *(TextStarted(3), TextDelta("b"), TextEnded(3)),
        ],
    ),
    "a tool call ends the open part": (
        [[TextDelta("a")], [CALL]],
        [TextStarted(1), TextDelta("a"), TextEnded(1), CALL],
    ),
    "text on both sides of tool calls is two parts": (
        [[TextDelta("a"), CALL, OTHER, TextDelta("b")]],
        [TextStarted(1), TextDelta("a"), TextEnded(1), CALL, OTHER, TextStarted(2), TextDelta("b"), TextEnded(2)],
    ),
    "tool calls alone open nothing": ([[CALL], [OTHER]], [CALL, OTHER]),
    "empty deltas are dropped": ([[TextDelta("")], [ReasoningDelta("")]], []),
    "an empty delta of another kind does not end the part": (
        [[TextDelta("a"), ReasoningDelta(""), TextDelta(""), TextDelta("b")]],
        [TextStarted(1), TextDelta("a"), TextDelta("b"), TextEnded(1)],
    ),
    "a lone surrogate is replaced": (
        [[TextDelta("a\ud83d")], [ReasoningDelta("\ude00b")]],
        [
            *(TextStarted(1), TextDelta("a\ufffd"), TextEnded(1)),
            *(ReasoningStarted(2), ReasoningDelta("\ufffdb"), ReasoningEnded(2)),
        ],
    ),
    "a surrogate pair inside one delta is its character": (
        [[TextDelta("a\ud83d\ude00b")]],
        [TextStarted(1), TextDelta("a\U0001f600b"), TextEnded(1)],
    ),
    "metadata ends the open reasoning, and a later one is another part": (
        [[ReasoningDelta("hm"), SIGNED, ReasoningDelta("so")], [TextDelta("a")]],
        [
            *(ReasoningStarted(1), ReasoningDelta("hm"), ReasoningEnded(1, SIGNED.metadata)),
            *(ReasoningStarted(2), ReasoningDelta("so"), ReasoningEnded(2)),
            *(TextStarted(3), TextDelta("a"), TextEnded(3)),
        ],
    ),
    "thoughts that end are a part, without metadata": (
        [[END_OF_THOUGHTS, ReasoningDelta("hm"), END_OF_THOUGHTS, END_OF_THOUGHTS, ReasoningDelta("so")]],
        [
            *(ReasoningStarted(1), ReasoningDelta("hm"), ReasoningEnded(1)),
            *(ReasoningStarted(2), ReasoningDelta("so"), ReasoningEnded(2)),
        ],
    ),
    "metadata of thoughts without words stands in no part": (
        [[SIGNED], [TextDelta("a")], [SIGNED, SIGNED]],
        [SIGNED, TextStarted(1), TextDelta("a"), TextEnded(1), SIGNED, SIGNED],
    ),
    "a NUL is replaced, in a text that goes on too": (
        [[TextDelta("a")], [TextDelta("b\0")], [TextDelta("c"), TextDelta("\0")], [ReasoningDelta("\0")]],
        [
            *(TextStarted(1), TextDelta("a"), TextDelta("b\ufffd"), TextDelta("c"), TextDelta("\ufffd"), TextEnded(1)),
            *(ReasoningStarted(2), ReasoningDelta("\ufffd"), ReasoningEnded(2)),
        ],
    ),
    "a NUL in a call is replaced": (
        [[ToolCalled("1\0", "a\0", {"b\0": ["\0", {"c": "d\0"}, 1]})]],
        [ToolCalled("1\ufffd", "a\ufffd", {"b\ufffd": ["\ufffd", {"c": "d\ufffd"}, 1]})],
    ),
    "letters of any script stay what they are": (
        [[TextDelta("\ufeffäß 你好 \U0001f469\u200d\U0001f4bb e\u0301 \x01\u2028")]],
        [TextStarted(1), TextDelta("\ufeffäß 你好 \U0001f469\u200d\U0001f4bb e\u0301 \x01\u2028"), TextEnded(1)],
    ),
}


@pytest.mark.parametrize(("batches", "events"), CASES.values(), ids=CASES)
def test_parts_are_opened_and_closed(batches, events) -> None:
    framing = Framing()
    framed = [event for batch in batches for event in framing.frame(batch)]
    assert [*framed, *framing.close()] == events


def test_a_part_is_closed_once() -> None:
    framing = Framing()
    framing.frame([TextDelta("a")])
    assert framing.close() == [TextEnded(1)]
    assert framing.close() == []


def test_after_a_close_the_same_kind_opens_a_new_part() -> None:
    framing = Framing()
    framing.frame([TextDelta("a")])
    framing.close()
    assert framing.frame([TextDelta("b")]) == [TextStarted(2), TextDelta("b")]


TEXTS = st.text(st.characters(), max_size=6)
CHUNKS = st.one_of(TEXTS.map(TextDelta), TEXTS.map(ReasoningDelta), st.just(CALL), st.just(SIGNED))
STARTS = {TextStarted: TextDelta, ReasoningStarted: ReasoningDelta}
ENDS = {TextEnded: TextDelta, ReasoningEnded: ReasoningDelta}


def presentable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.lists(st.lists(CHUNKS, max_size=8), max_size=8))
def test_whatever_a_model_says_parts_balance_and_nothing_is_lost(batches) -> None:
    framing = Framing()
    events = [event for batch in batches for event in framing.frame(batch)] + framing.close()
    open_kind, open_part, parts = None, 0, []
    for event in events:
        if type(event) in STARTS:
            assert open_kind is None, "parts are never nested"
            open_kind, open_part = STARTS[type(event)], event.part
            parts.append(event.part)
        elif type(event) in ENDS:
            assert (open_kind, open_part) == (ENDS[type(event)], event.part)
            open_kind = None
        elif isinstance(event, ToolCalled | ReasoningIdentified):
            assert open_kind is None, "a call stands in no part, and metadata of no words"
        else:
            assert type(event) is open_kind, "a delta stands in a part of its own kind"
            assert event.text.encode(), "every delta says something that can be sent"
    assert open_kind is None
    assert parts == sorted(set(parts)), "each part has a number of its own"
    for kind in (TextDelta, ReasoningDelta):
        said = "".join(presentable(chunk.text) for batch in batches for chunk in batch if isinstance(chunk, kind))
        assert "".join(event.text for event in events if isinstance(event, kind)) == said
    assert events.count(CALL) == sum(batch.count(CALL) for batch in batches)
    told = [event for event in events if isinstance(event, ReasoningEnded | ReasoningIdentified) and event.metadata]
    assert len(told) == sum(batch.count(SIGNED) for batch in batches)
