"""A question that is sent again behind an answer that broke off, on every wire that keeps a conversation.

@microsoft/fetch-event-source 2.0.1 ends its request when its page is hidden, and posts it again when it is seen
(Azure/fetch-event-source#51, #36).
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.chat_wires import ChatsStream, ChatsWhole
from support.wires import AgentsStream, AgentsWhole, WidgetStream, WidgetWhole

from app.testing.caller import Caller
from app.testing.model_server import RESET, SILENCE, Action, ModelServer, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import eventually
from app.testing.sockets import read_until
from app.testing.wire_client import WireClient

WIRES = (WidgetStream(), WidgetWhole(), AgentsStream(), AgentsWhole(), ChatsStream(), ChatsWhole())
every_wire = pytest.mark.parametrize("wire", WIRES, ids=repr)
BEGUN = streamed(OPENAI.text("so far"))


@pytest.fixture
def caller(relay, relay_keys, wire: WireClient) -> Caller:
    return Caller(wire, relay, relay_keys[wire.key_kind, "openai"])


@pytest.fixture
def post(caller, model_server: ModelServer) -> Callable[..., list[tuple[str, str]]]:
    """Asks `text` again and again in one conversation, and returns what the model has seen of it."""
    first = caller.body("begin")

    def body(text: str) -> dict[str, Any]:
        fields = [name for name, value in first.items() if value == "begin"]
        return {**first, **dict.fromkeys(fields, text)}

    def ask(text: str, *answer: Action, leave: bool = False) -> list[tuple[str, str]]:
        model_server.play(answer or OPENAI.answer("whole"))
        if leave:
            caller.body = lambda _: body(text)  # as `open` sends it
            with caller.open(text) as connection:
                read_until(connection, b"so far") if caller.wire.streamed else model_server.wait_for_request()
            eventually(lambda: caller.stored(text)[-1]["status"] == "interrupted")
        else:
            caller.post(body(text))
        return [(each["role"], each["content"]) for each in model_server.requests[0].json["messages"]]

    model_server.play(OPENAI.answer("begun"))
    response = caller.post(first)
    if caller.wire.name == "agents":
        parts = response.text.partition('"conversationId":"')
        first["conversationId"] = parts[2].partition('"')[0]
    return ask


def shown(caller: Caller, text: str) -> Sequence[tuple[str, str]]:
    return [(each["text"], each["status"]) for each in caller.stored(text) if each["status"] != "superseded"]


FIRST = [("user", "begin"), ("assistant", "begun")]


@every_wire
def test_behind_an_answer_whose_caller_left_it_is_answered_again_and_stands_there_once(caller, wire, post) -> None:
    text = f"hidden and seen {wire}"
    post(text, *BEGUN, SILENCE, leave=True)
    assert post(text) == [*FIRST, ("user", text)]
    assert shown(caller, text)[2:] == [(text, "complete"), ("whole", "complete")]


@every_wire
def test_behind_an_answer_that_failed_too(caller, wire, post) -> None:
    text = f"failed {wire}"
    post(text, *BEGUN, RESET)
    assert post(text) == [*FIRST, ("user", text)]
    assert shown(caller, text)[2:] == [(text, "complete"), ("whole", "complete")]


@every_wire
def test_behind_a_whole_answer_it_is_another_question(caller, wire, post) -> None:
    text = f"twice {wire}"
    post(text)
    assert post(text) == [*FIRST, ("user", text), ("assistant", "whole"), ("user", text)]
    assert len(shown(caller, text)) == 6


@every_wire
def test_another_text_leaves_the_broken_answer_as_it_is(caller, wire, post) -> None:
    text = f"left {wire}"
    post(text, *BEGUN, SILENCE, leave=True)
    said, status = shown(caller, text)[-1]
    assert status == "interrupted"
    assert said == "so far" or not wire.streamed, "nothing tells outside how far an answer is that is not streamed"
    assert post(f"{text}?") == [*FIRST, ("user", text), ("assistant", said or "(no answer)"), ("user", f"{text}?")]
    assert (said, status) in shown(caller, text)
