"""Answers that hypothesis makes up: batches as a turn yields them, without its first and its last event."""

from hypothesis import strategies as st

from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningIdentified,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from app.engine.framing import Framing
from app.engine.messages import ProviderMetadata

SAID = st.one_of(
    st.builds(TextDelta, st.text("abé🙂 ", min_size=1, max_size=4)),
    st.builds(ReasoningDelta, st.text("xyz", min_size=1, max_size=3)),
    st.just(ReasoningIdentified(ProviderMetadata({"signature": "s"}, "m"))),
)
SOURCES = st.lists(st.builds(SourceFound, st.sampled_from(["a.md", "b.md"]), st.just("Title")), max_size=2)


@st.composite
def answers(draw: st.DrawFn) -> list[list[Event]]:
    """Batches of an answer in one to three rounds; all but the last end with calls and their results."""
    framing = Framing()
    batches: list[list[Event]] = []
    rounds = draw(st.integers(1, 3))
    for number in range(rounds):
        batches.append([RoundStarted(), *(draw(SOURCES) if not number else [])])
        said = draw(st.lists(SAID, min_size=number == rounds - 1, max_size=5))  # a last round without a word fails
        batches += [[*framing.frame([each])] for each in said]
        if number < rounds - 1:
            calls = [ToolCalled(f"c{number}{index}", "tool", {}) for index in range(draw(st.integers(1, 2)))]
            batches.append([*framing.frame(calls)])
            batches += [[*framing.close(), ToolReturned(each.call_id, "tool", 1), *draw(SOURCES)] for each in calls]
            batches.append([RoundFinished()])
        else:
            batches.append([*framing.close(), *draw(SOURCES), RoundFinished()])
    return batches
