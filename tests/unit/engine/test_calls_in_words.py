"""Calls and results told in words; tests/unit/providers/apis/test_dialogue.py does it with any history."""

from app.engine.agent import AnswerOptions
from app.engine.calls_in_words import without_calls
from app.engine.messages import (
    Message,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from app.engine.prompt import Prompt
from app.testing.provider_apis import AGENT


def test_calls_are_the_assistants_words_and_results_the_users() -> None:
    answer = (
        TextPart("Let me see."),
        ToolCallPart("a", "clock", {"zone": "Zürich"}),
        ToolCallPart("b", "clock", {}),
        ToolResultPart("a", "clock", {"time": "12:00"}, is_error=False),
        ToolResultPart("b", "clock", "No zone.", is_error=True),
        TextPart("It is noon."),
    )
    prompt = Prompt(AGENT, [text_message("user", "Time?"), Message("assistant", answer)], AnswerOptions(seed=1))
    told = without_calls(prompt)
    assert told is not None
    assert told.options == prompt.options
    assert [(message.role, message.text) for message in told.messages] == [
        ("user", "Time?"),
        (
            "assistant",
            'Let me see.\n\n(Called the tool clock with {"zone": "Zürich"}.)\n\n(Called the tool clock with {}.)',
        ),
        ("user", '(The tool clock returned: {"time": "12:00"})\n\n(The tool clock failed: No zone.)'),
        ("assistant", "It is noon."),
    ]


def test_thoughts_are_not_handed_back_whether_there_were_calls_or_none() -> None:
    thought = ReasoningPart("Hm", ProviderMetadata({"signature": "x"}, "m 1"))
    answer = Message("assistant", (thought, TextPart("Noon.")))
    told = without_calls(Prompt(AGENT, [text_message("user", "Time?"), answer], AnswerOptions()))
    assert told is not None
    assert told.messages[1] == text_message("assistant", "Noon.")
    unsigned = Message("assistant", (ReasoningPart("Hm"), TextPart("Noon.")))
    assert without_calls(Prompt(AGENT, [unsigned], AnswerOptions())) is None, "nothing of it was sent"


def test_a_prompt_without_calls_cannot_be_told_otherwise() -> None:
    assert without_calls(Prompt(AGENT, [text_message("user", "Time?")], AnswerOptions())) is None
