"""What of failed answers a model gets to see."""

import pytest

from app.engine.messages import Message, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.retries import without_tries

RAN = Message(
    "assistant", (ToolCallPart("a", "pay", {}), ToolResultPart("a", "pay", "paid", is_error=False), TextPart("half"))
)
KINDS = {
    "A": (text_message("user", "A?"), False),
    "B": (text_message("user", "B?"), False),
    "a": (text_message("assistant", "An answer."), False),
    "h": (text_message("assistant", "Half"), True),
    "n": (Message("assistant", ()), True),
    "r": (RAN, True),
}


def seen(stored: str, question: str | None = None) -> str:
    """The letters of what is seen, oldest first."""
    left = without_tries([KINDS[letter] for letter in reversed(stored)], question)
    letters = {id(message): letter for letter, (message, _) in KINDS.items()}
    return "".join(letters[id(message)] for message in left)[::-1]


@pytest.mark.parametrize(
    ("stored", "question", "left"),
    [
        ("AaBa", None, "AaBa"),
        ("AaA", None, "AaA"),
        ("AaBaB", "B?", "AaBa"),
        ("AhB", None, "AhB"),
        ("An", "B?", "An"),
        ("Ah", "A?", ""),
        ("BaAh", "A?", "Ba"),
        ("BaAhAnAh", "A?", "Ba"),
        ("AhAa", "B?", "Aa"),
        ("AhA", None, "A"),
        ("AA", "A?", ""),
        ("AhBhAh", "B?", "AhBhAh"),
        ("Ar", "A?", "Ar"),
        ("ArAr", "A?", "Ar"),
        ("ArAhArAn", "A?", "Ar"),
        ("BrAr", "A?", "BrAr"),
        ("BaBrBr", "B?", "BaBr"),
    ],
)
def test_a_question_that_failed_and_was_asked_again_is_seen_once(stored, question, left) -> None:
    assert seen(stored, question) == left


@pytest.mark.parametrize("failing", ["Ah", "An", "Ar", "AhArAn"])
def test_what_is_seen_does_not_grow_with_the_tries(failing) -> None:
    assert seen("Ba" + failing * 50, "A?") == seen("Ba" + failing * 2, "A?")
