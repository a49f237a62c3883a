"""What a question needs of a model that not every model has."""

import pytest

from app.engine.agent import AnswerFormat, AnswerOptions, ToolChoice
from app.engine.messages import ImagePart, Message, TextPart, text_message
from app.engine.needs import needs_of

WORDS = text_message("user", "Hi")
IMAGE = Message("user", (TextPart("What is this?"), ImagePart("https://example.com/a.png")))


@pytest.mark.parametrize(
    ("messages", "options", "needs"),
    [
        ([WORDS], {}, set()),
        ([], {}, set()),
        ([WORDS], {"temperature": 1, "seed": 1, "max_tokens": 5, "effort": "high", "one_call_at_a_time": True}, set()),
        ([IMAGE], {}, {"images"}),
        ([IMAGE, WORDS], {}, {"images"}),
        ([WORDS], {"stop": ("END",)}, {"stop"}),
        ([WORDS], {"format": AnswerFormat({"type": "object"})}, {"schema"}),
        ([WORDS], {"format": AnswerFormat({})}, {"schema"}),
        ([WORDS], {"format": AnswerFormat()}, {"json"}),
        ([WORDS], {"tool_choice": ToolChoice("required")}, {"calls"}),
        ([WORDS], {"tool_choice": ToolChoice("required", "clock")}, {"calls"}),
        ([WORDS], {"tool_choice": ToolChoice("none")}, set()),
        ([IMAGE], {"stop": ("END",), "format": AnswerFormat()}, {"images", "stop", "json"}),
    ],
)
def test_only_what_would_be_missed_is_needed(messages, options, needs) -> None:
    assert needs_of(messages, AnswerOptions(**options)) == needs
