"""How long a question may be: it depends on who asks, and not on the wire."""

import pytest
import requests
from support.wires import AgentsStream, WorkersWhole, every_wire

from app.testing.caller import Caller
from app.testing.server import script
from app.testing.wire_client import WireClient
from app.web.requests.question import LONGEST_PUBLIC_QUESTION, LONGEST_QUESTION


def question(characters: int) -> str:
    return script({"text": "x"}).ljust(characters)


@every_wire
def test_a_question_of_the_most_characters_is_answered(wire: WireClient, server, key_of) -> None:
    most = LONGEST_PUBLIC_QUESTION if wire.key_kind == "widget" else LONGEST_QUESTION
    caller = Caller(wire, server, key_of[wire.key_kind])
    assert caller.ask(question(most)).status_code == wire.status
    assert caller.ask(question(most + 1)).status_code == 400


@pytest.mark.parametrize("form", ["text", "parts"])
def test_a_widget_key_asks_no_longer_questions_on_another_wire(server, widget_key, form) -> None:
    def ask(characters: int) -> requests.Response:
        caller, text = Caller(AgentsStream(), server, widget_key), question(characters)
        if form == "text":
            return caller.ask(text)
        half = characters // 2
        parts = [{"type": "text", "text": text[:half]}, {"type": "text", "text": text[half:]}]
        return caller.post({"messages": [{"id": "m", "role": "user", "parts": parts}], "trigger": "submit-message"})

    assert ask(LONGEST_PUBLIC_QUESTION).status_code == 200
    refused = ask(LONGEST_PUBLIC_QUESTION + 1)
    AgentsStream().check_error(refused, 400)
    assert refused.json()["error"]["message"] == "The question may have at most 4,000 characters"


@pytest.mark.parametrize("field", ["prompt", "message", "messages"])
def test_who_has_no_key_asks_as_much_as_a_widgets_visitor(server, field) -> None:
    def ask(characters: int) -> requests.Response:
        text = question(characters)
        said = [{"role": "user", "content": text}] if field == "messages" else text
        return requests.post(f"{server.url}/api/chat", json={field: said, "stream": False}, timeout=30)

    assert ask(LONGEST_PUBLIC_QUESTION).status_code == 200
    WorkersWhole().check_error(ask(LONGEST_PUBLIC_QUESTION + 1), 400)
