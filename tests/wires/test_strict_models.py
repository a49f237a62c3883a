"""Whole conversations with model servers that refuse a request in which something of their own words is missing or
other than it was, and what nobody else gets of it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from support.agents import Client, assistant, chunks, configured, user
from support.strict_models import STRICT_MODELS, StrictModel, assistants
from support.wires import WidgetStream

from app.testing.caller import Caller
from app.testing.model_server import ModelServer
from app.testing.server import Server, new_session_id

WIDGET = WidgetStream()
WAYS = {"streamed": True, "whole": False}
KINDS = {kind.__name__.lower(): kind for kind in STRICT_MODELS}
AGENTS = """
[agents.{name}]
model = "{name}"
tools = ["calculator"]

[agents.{name}-page]
model = "{name}"
client_tools = {{ confirm = {{ description = "Asks for a yes." }} }}

[agents.{name}-history]
model = "{name}"
tools = ["calculator"]
client_history = true
"""


class Models:
    """A server for all of them, each below a path of its own."""

    def __init__(self, upstream: ModelServer) -> None:
        self.upstream = upstream
        self.by_name: dict[str, StrictModel] = {}
        upstream.always = lambda request: self.by_name[request.path.split("/")[1]](request)

    def fresh(self, name: str, kind: str, *, streaming: bool) -> StrictModel:
        """One that has said nothing yet."""
        self.by_name[name] = KINDS[kind](f"OPAQUE-{name}-", streaming=streaming)
        return self.by_name[name]

    def table(self, name: str, kind: str, *, streaming: bool) -> str:
        made = KINDS[kind]
        options = {"model": "m-1", "base_url": f"{self.upstream.url}/{name}", **made.options}
        stream = "stream = false\n" if made.provider == "openai" and not streaming else ""
        lines = "".join(
            f"{key} = {value if isinstance(value, int) else f'{value!r}'}\n" for key, value in options.items()
        )
        return f'[models.{name}]\nprovider = "{made.provider}"\n{stream}{lines}'


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    with ModelServer() as upstream:
        yield Models(upstream)


@pytest.fixture(scope="module")
def server(models, tmp_path_factory) -> Iterator[Server]:
    tables = ""
    for kind in KINDS:
        for way, streaming in WAYS.items():
            name = f"{kind}-{way}"
            tables += models.table(name, kind, streaming=streaming) + AGENTS.format(name=name)
        for name in (f"{kind}-first", f"{kind}-second"):
            tables += models.table(name, kind, streaming=True)
        tables += f'[agents.{kind}-both]\nmodel = ["{kind}-first", "{kind}-second"]\ntools = ["calculator"]\n'
    tables += '[agents.mixed]\nmodel = ["gemini-first", "deepseek-second"]\ntools = ["calculator"]\n'
    with Server(tmp_path_factory.mktemp("strict"), config=configured(tables)) as running:
        yield running


every_kind = pytest.mark.parametrize("kind", KINDS)


class Talk:
    """A visitor's conversation over the widget's wire."""

    def __init__(self, server: Server, agent: str) -> None:
        self._caller, self._session = Caller(WIDGET, server, server.key("widget", agent)), new_session_id()

    def ask(self, question: str) -> bytes:
        response = self._caller.post({"sessionId": self._session, "message": question})
        assert WIDGET.decode(response.content).text == "42.", response.text
        return response.content


@every_kind
@pytest.mark.parametrize("way", WAYS)
def test_a_conversation_with_tools_goes_on(server, models, kind, way) -> None:
    model = models.fresh(f"{kind}-{way}", kind, streaming=WAYS[way])
    talk = Talk(server, f"{kind}-{way}")
    told = b"".join(talk.ask(question) for question in ("What is 6*7?", "Thanks. And who are you?", "Hello?"))
    assert model.refusals == []
    assert len(model.bodies) == (9 if kind == "anthropic" else 6)
    assert ["thinking" in body for body in model.bodies] == [kind == "anthropic"] * len(model.bodies)
    assert b"OPAQUE" not in told
    assert "OPAQUE" not in server.log_text()


@every_kind
def test_so_does_one_whose_tool_runs_at_the_caller(server, models, kind) -> None:
    model = models.fresh(f"{kind}-streamed", kind, streaming=True)
    client, name = Client.new(server, f"{kind}-streamed-page"), new_session_id()
    for number in range(2):
        question = user(f"q{number}", f"Well {number}?")
        response = client.page(name, question)
        while calls := outstanding(server, name):
            row = server.messages(conversation(server, name))[-1]
            outputs = [
                {"type": "tool-confirm", "toolCallId": call, "state": "output-available", "input": {}, "output": "yes"}
                for call in calls
            ]
            assert "OPAQUE" not in response.text
            response = client.page(name, question, assistant(f"msg_{row['id']}", *outputs))
        assert "".join(chunk.get("delta", "") for chunk in chunks(response) if chunk["type"] == "text-delta") == "42."
    assert model.refusals == []
    said = client.messages(str(UUID(conversation(server, name))))
    assert len(said) == 4
    assert "OPAQUE" not in str(said)
    exported = server.flask("conversations", "export", "--agent", f"{kind}-streamed-page").stdout
    assert model.own in exported, "an operator sees all that is stored"


@every_kind
def test_so_does_one_whose_page_brings_its_own_history(server, models, kind) -> None:
    model = models.fresh(f"{kind}-streamed", kind, streaming=True)
    client, name, history = Client.new(server, f"{kind}-streamed-history"), new_session_id(), list[Any]()
    for number in range(3):
        history.append(user(f"q{number}", f"Well {number}?"))
        response = client.page(name, *history)
        assert "OPAQUE" not in response.text
        row = server.messages(conversation(server, name))[-1]
        assert row["text"] == "42."
        history.append(assistant(f"msg_{row['id']}", *kept_by_a_page(row["parts"])))
    assert model.refusals == []
    assert model.own in str(model.bodies[-2])


def kept_by_a_page(parts: list[Any]) -> list[Any]:
    """A stored answer as the AI SDK keeps what it was told of it: each call with its result in one part."""
    outputs = {part["toolCallId"]: part["output"] for part in parts if part["type"] == "tool-result"}
    kept: list[Any] = []
    for part in parts:
        if part["type"] == "tool-call":
            tool = {"type": "dynamic-tool", "toolName": part["toolName"], "toolCallId": part["toolCallId"]}
            done = {"state": "output-available", "input": part["input"], "output": outputs[part["toolCallId"]]}
            kept.append(tool | done)
        elif part["type"] in ("text", "reasoning") and part["text"]:
            kept.append({"type": part["type"], "text": part["text"]})
    return kept


def conversation(server: Server, name: str) -> Any:
    return server.rows("SELECT id FROM conversations WHERE external_id = ?", name)[0]["id"]


def outstanding(server: Server, name: str) -> list[str]:
    """The ids of the calls that wait for an output."""
    parts = server.messages(conversation(server, name))[-1]["parts"]
    returned = {part["toolCallId"] for part in parts if part["type"] == "tool-result"}
    return [part["toolCallId"] for part in parts if part["type"] == "tool-call" and part["toolCallId"] not in returned]


@every_kind
def test_another_model_gets_nothing_of_it_and_the_one_that_said_it_gets_its_own(server, models, kind) -> None:
    first, second = (models.fresh(f"{kind}-{number}", kind, streaming=True) for number in ("first", "second"))
    first.lenient = second.lenient = True
    talk = Talk(server, f"{kind}-both")
    talk.ask("One?")
    first.broken = True
    talk.ask("Two?")
    assert len(second.bodies) == len(first.bodies)
    assert first.own not in str(second.bodies)
    assert second.own in str(second.bodies[1:])
    first.broken, first.bodies = False, []
    talk.ask("Three?")
    assert [first.own in str(body) for body in first.bodies] == [True] * len(second.bodies)
    assert second.own not in str(first.bodies)
    if kind == "deepseek":  # which refuses calls without thoughts, whoever made them
        calls = [message for message in assistants(first.bodies[-1]) if "tool_calls" in message]
        assert [bool(message["reasoning_content"]) for message in calls] == [True] * 3


def test_a_model_that_refuses_another_ones_calls_does_so_once(server, models) -> None:
    first, second = (
        models.fresh(name, name.split("-")[0], streaming=True) for name in ("gemini-first", "deepseek-second")
    )
    second.fault = without_thoughts
    talk = Talk(server, "mixed")
    talk.ask("One?")
    first.broken = True
    talk.ask("Two?")
    talk.ask("Three?")
    assert len(second.refusals) == 1, "then it is told in words, and afterwards that it thinks in words is known"


def without_thoughts(body: dict[str, Any]) -> str | None:
    calls = [message for message in assistants(body) if "tool_calls" in message]
    missing = not all(message.get("reasoning_content") for message in calls)
    return "The `reasoning_content` in the thinking mode must be passed back to the API." if missing else None
