"""A worker hears what another one of its installation has said to it, and nothing that anybody else writes."""

import json

import pytest

from app.cluster.sealed_messages import Message, Seal
from app.engine.events import TextDelta
from app.engine.retelling import Piece

MESSAGE = Message("one", {"a1", "a2"}, {"a3": None, "a4": 7}, {"a5"}, [Piece("a4", 7, 0, [TextDelta("so")])])


def test_what_was_said_is_heard() -> None:
    sent = Seal(b"secret").closed(MESSAGE, "other")
    assert Seal(b"secret").opened(sent, "other") == MESSAGE


@pytest.mark.parametrize("data", [None, 1, "text", b"", b"x", b"0" * 32, b"0" * 40, b"\xff" * 40])
def test_what_is_no_message_is_not_heard(data) -> None:
    assert Seal(b"secret").opened(data, "other") is None


def test_what_was_changed_or_is_anothers_is_not_heard() -> None:
    sent = Seal(b"secret").closed(MESSAGE, "other")
    assert Seal(b"secret").opened(sent.replace(b'"so"', b'"no"'), "other") is None
    assert Seal(b"secret").opened(sent, "third") is None, "it was said to somebody else"
    assert Seal(b"another installation's").opened(sent, "other") is None


@pytest.mark.parametrize(
    "said",
    [
        [],
        ["one", [], {}],
        ["one", [], {}, [], [["a1"]]],
        ["one", 7, {}, [], []],
        ["one", [], [], [], []],
        {"sender": "one"},
    ],
)
def test_what_another_version_says_is_passed_over(said) -> None:
    seal = Seal(b"secret")
    text = json.dumps(said).encode()
    assert seal.opened(seal._of(text, "other") + text, "other") is None
