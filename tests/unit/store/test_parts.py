"""Messages' parts come back from the database as they were stored."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import (
    AnswerRecord,
    ImagePart,
    Message,
    ProviderMetadata,
    ReasoningPart,
    SourcePart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
    text_message,
)
from app.store import parts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
METADATA = st.none() | st.builds(ProviderMetadata, OBJECTS, TEXT)
PARTS = st.one_of(
    st.builds(TextPart, TEXT),
    st.builds(ImagePart, TEXT, st.sampled_from(["", "low", "high"])),
    st.builds(ReasoningPart, TEXT, METADATA),
    st.builds(ToolCallPart, TEXT, TEXT, OBJECTS, METADATA),
    st.builds(ToolResultPart, TEXT, TEXT, JSON, st.booleans()),
    st.builds(SourcePart, TEXT, TEXT, TEXT),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS, min_size=1, max_size=6))
def test_parts_of_every_kind_come_back_as_they_were_stored(conversations, stored) -> None:
    ref = ConversationRef("demo", "workers", "anonymous", uuid.uuid4().hex)
    ids: list[str] = []
    asked, message = {uuid.uuid4().hex: text_message("user", "x")}, Message("assistant", tuple(stored))
    first = conversations.add_question(QuestionEntry(ref, asked, 0, uuid.uuid4().hex), ids.append)
    conversations.add_answer(ids[0], first.answer_id, AnswerRecord(message, "complete", "stop", Usage(), "m"))
    asked = {uuid.uuid4().hex: text_message("user", "y")}
    again = conversations.add_question(QuestionEntry(ref, asked, 1, uuid.uuid4().hex), ids.append)
    assert again.messages[:-1] == [message]


def test_parts_that_were_stored_before_there_was_metadata_are_read() -> None:
    assert parts.from_json({"type": "reasoning", "text": "Hm"}) == ReasoningPart("Hm")
    call = {"type": "tool-call", "toolCallId": "1", "toolName": "clock", "input": {}}
    assert parts.from_json(call) == ToolCallPart("1", "clock", {})
    assert parts.to_json(ToolCallPart("1", "clock", {})) == call, "and an earlier version reads what has none"


def test_a_part_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="hologram"):
        parts.from_json({"type": "hologram"})


def test_an_image_is_stored_as_its_address_and_how_closely_to_look() -> None:
    stored = {"type": "image", "url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    assert parts.to_json(ImagePart(stored["url"], "low")) == stored
    assert parts.from_json(stored) == ImagePart(stored["url"], "low")
