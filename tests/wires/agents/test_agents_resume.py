"""Which outputs of tools a caller may post, however the answer ended: what a model is then told that its tools said."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from support.agents import Client, assistant, chunks, configured, refused, user

from app.testing.model_server import CUT, LAST, Action, ModelServer, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually, new_session_id
from app.testing.sockets import post, read_until

MODULE = """
import time

from marshmallow import Schema

from app.tools import ToolContext, tool


@tool("Takes its time.", Schema)
def slow(_context: ToolContext) -> None:
    time.sleep(30)
"""
TABLES = """
[tools.slow]
function = "shop:slow"
seconds = 30

[models.relay]
provider = "openai"
base_url = "{url}/v1"
model = "m-1"

[agents.page]
widget_key_wires = ["agents"]
model = "relay"
tools = ["calculator", "slow"]
client_tools = {{ confirm = {{ description = "Asks for a yes." }}, locate = {{ description = "Tells where." }} }}

[agents.trusting]
client_history = true
widget_key_wires = ["agents"]
model = "relay"
tools = ["calculator", "slow"]
client_tools = {{ confirm = {{ description = "Asks for a yes." }}, locate = {{ description = "Tells where." }} }}
"""
STATE = {"state": "output-available", "input": {}}
TOOLS = {"client": "locate", "server": "calculator", "unknown": "nothing"}
ARGUMENTS = {"calculator": {"expression": "17*23"}}
POSTED, POSTED_BEFORE = "what the caller posted", "what the caller posted before"
OWN = {"calculator": "391", "nothing": "There is no such tool. There are: calculator, slow, confirm, locate."}

REFUSED = "400, and the answer is left as it was"
TAKEN = "the posted output is taken"
STORED = "the answer goes on, with the output that is stored"

OUTCOMES = {
    # how the answer ended                    client tool  server tool  unknown tool
    "complete with tool-calls":              (TAKEN,       STORED,      STORED),
    "interrupted":                           (REFUSED,     REFUSED,     REFUSED),
    "failed":                                (REFUSED,     REFUSED,     REFUSED),
    "interrupted after the caller's output": (STORED,      STORED,      STORED),
    "failed after the caller's output":      (STORED,      STORED,      STORED),
    "complete after the caller's output":    (STORED,      STORED,      STORED),
}  # fmt: skip
CELLS = [(ending, kind) for ending in OUTCOMES for kind in TOOLS]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(model, tmp_path_factory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("resume")
    (home / "shop.py").write_text(MODULE)
    with Server(home, config=configured(TABLES.format(url=model.url))) as running:
        yield running


def calling(*names: str) -> list[Action]:
    calls = [OPENAI.call(number, name, ARGUMENTS.get(name, {})) for number, name in enumerate(names)]
    return [*streamed(*calls, OPENAI.end("tool_calls")), LAST]


class Talk:
    """A page's chat with a model that plays these answers."""

    def __init__(self, server: Server, model: ModelServer, agent: str = "page") -> None:
        self.client, self.model = Client.new(server, agent, "widget"), model
        self.name, self.question = new_session_id(), user("q1", "Well?")

    def ask(self, *answers: Sequence[Action], leave: bool = False) -> None:
        self.hear((self.question,), *answers, leave=leave)

    def bring(self, output: str, *answers: Sequence[Action], only: str = "", leave: bool = False) -> Any:
        """Post an output for each call of the answer, or for those of one tool."""
        row = self.row()
        calls = [(part["toolCallId"], part["toolName"]) for part in row["parts"] if part["type"] == "tool-call"]
        parts = [
            {"type": f"tool-{name}", "toolCallId": call, "state": "output-available", "input": {}, "output": output}
            for call, name in calls
            if only in ("", name)
        ]
        return self.hear((self.question, assistant(f"msg_{row['id']}", *parts)), *answers, leave=leave)

    def hear(self, messages: Sequence[Mapping[str, Any]], *answers: Sequence[Action], leave: bool = False) -> Any:
        """The whole response; or leave when all that the model says has come, while a tool runs."""
        self.model.play(*answers)
        if not leave:
            return self.client.page(self.name, *messages)
        body = json.dumps({"id": self.name, "messages": messages}).encode()
        headers = {"Authorization": f"Bearer {self.client.key}"}
        with post(self.client.server, "/api/v2/agents/page/chat", body, headers) as connection:
            read_until(connection, b'"toolName":"slow"')
        eventually(lambda: self.row()["status"] == "interrupted")
        return None

    def row(self) -> dict[str, Any]:
        """Of the answer, which is the last message."""
        found = self.client.server.rows("SELECT id FROM conversations WHERE external_id = ?", self.name)
        return self.client.server.messages(found[0]["id"])[-1]

    def told(self) -> dict[str, list[str]]:
        """By its tools' names, what the model was first told that they returned."""
        sent = self.model.wait_for_request().json["messages"]
        names = {each["id"]: each["function"]["name"] for message in sent for each in message.get("tool_calls", ())}
        results: dict[str, list[str]] = {}
        for message in sent:
            if message["role"] == "tool":
                results.setdefault(names.pop(message["tool_call_id"]), []).append(message["content"])
        assert names == {}, "calls without results, which model servers refuse"
        return results


def end(talk: Talk, ending: str, tool: str) -> None:
    """Get an answer that calls the tool and ends so."""
    done, broken = OPENAI.answer("Done."), [*streamed(OPENAI.text("So ")), CUT]
    first, then = (("confirm", tool), ()) if tool == "locate" else (("confirm",), (tool,))
    match ending:
        case "complete with tool-calls":
            talk.ask(calling(tool, "confirm"))
        case "interrupted":
            talk.ask(calling(tool, "confirm", "slow"), leave=True)
        case "failed":
            talk.ask(*[calling("clock")] * 2, calling(tool, "confirm", "clock"))
        case "interrupted after the caller's output":
            talk.ask(calling(*first))
            talk.bring(POSTED_BEFORE, calling(*then, "slow"), leave=True)
        case "failed after the caller's output":
            talk.ask(calling(*first))
            talk.bring(POSTED_BEFORE, *([calling(*then)] if then else []), broken)
        case "complete after the caller's output":
            talk.ask(calling(*first))
            talk.bring(POSTED_BEFORE, *([calling(*then)] if then else []), done)
    assert talk.row()["status"] == ending.split(maxsplit=1)[0]


@pytest.mark.parametrize(("ending", "kind"), CELLS, ids=str)
def test_an_output_is_taken_for_the_callers_own_tools_alone_and_only_where_the_answer_waits_for_it(
    server, model, ending, kind
) -> None:
    talk, tool = Talk(server, model), TOOLS[kind]
    outcome = dict(zip(TOOLS, OUTCOMES[ending], strict=True))[kind]
    end(talk, ending, tool)
    before = talk.row()
    response = talk.bring(POSTED, OPENAI.answer("Thanks."))
    if outcome == REFUSED:
        assert refused(response) == (400, "VALIDATION_INVALID_BODY")
        assert model.requests == []
        assert talk.row() == before
        return
    assert chunks(response)[-1]["finishReason"] == "stop"
    told = talk.told()
    expected = POSTED if outcome == TAKEN else OWN.get(tool, POSTED_BEFORE)
    confirmed = POSTED if ending == "complete with tool-calls" else POSTED_BEFORE
    assert told == {tool: [expected], "confirm": [confirmed]}, "and nothing of a call that was cut off"
    stored = [(part["toolName"], part["output"]) for part in talk.row()["parts"] if part["type"] == "tool-result"]
    assert sorted(stored) == sorted({tool: expected, "confirm": confirmed}.items())
    assert talk.row()["text"] == "Thanks."


@pytest.mark.parametrize("kind", ["server", "unknown"])
def test_outputs_of_other_tools_alone_let_no_answer_go_on(server, model, kind) -> None:
    talk = Talk(server, model)
    end(talk, "complete with tool-calls", TOOLS[kind])
    before = talk.row()
    assert refused(talk.bring(POSTED, only=TOOLS[kind])) == (400, "VALIDATION_INVALID_BODY")
    assert talk.row() == before
    assert model.requests == []


def test_an_output_under_another_tools_name_is_kept_under_the_name_that_was_called(server, model) -> None:
    talk = Talk(server, model)
    talk.ask(calling("confirm"))
    call = talk.row()["parts"][0]["toolCallId"]
    part = {"type": "tool-calculator", "toolCallId": call, "state": "output-available", "output": POSTED}
    response = talk.hear((assistant(f"msg_{talk.row()['id']}", part),), OPENAI.answer("Thanks."))
    assert chunks(response)[-1]["finishReason"] == "stop"
    assert [each["toolName"] for each in talk.row()["parts"] if "toolName" in each] == ["confirm", "confirm"]


def test_the_same_post_may_be_sent_again_when_the_answer_has_come_to_the_next_call(server, model) -> None:
    talk = Talk(server, model)
    talk.ask(calling("confirm"))
    talk.bring(POSTED_BEFORE, calling("locate"))
    response = talk.bring(POSTED, OPENAI.answer("Thanks."), only="confirm")
    assert chunks(response)[-1]["finishReason"] == "stop"
    assert talk.told() == {"confirm": [POSTED_BEFORE]}


@pytest.mark.parametrize("field", ["output", "errorText"])
@pytest.mark.parametrize(("size", "status"), [(32_766, 200), (32_767, 400)])
def test_an_output_is_at_most_as_large_as_a_tools_of_the_server(server, model, field, size, status) -> None:
    talk = Talk(server, model)
    talk.ask(calling("confirm"))
    row = talk.row()
    state = "output-error" if field == "errorText" else "output-available"
    part = {"type": "tool-confirm", "toolCallId": "call_0", "state": state, field: "x" * size}
    response = talk.hear((assistant(f"msg_{row['id']}", part),), OPENAI.answer("Thanks."))
    assert response.status_code == status
    if status == 400:
        assert list(response.json()["error"]["details"]) == [f"messages.0.parts.1.{field}"]
        assert talk.row() == row


def test_an_agent_that_believes_the_posted_history_goes_on_with_the_stored_answer(server, model) -> None:
    talk = Talk(server, model, "trusting")
    talk.ask(calling("calculator", "confirm"))
    row = talk.row()
    outputs = [
        {"type": f"tool-{part['toolName']}", "toolCallId": part["toolCallId"], "output": POSTED, **STATE}
        for part in row["parts"]
        if part["type"] == "tool-call"
    ]
    earlier = [user("q0", "Before?"), assistant("a0", {**outputs[0], "toolCallId": "earlier"})]
    answer = assistant(f"msg_{row['id']}", {"type": "text", "text": "I never said this."}, *outputs)
    response = talk.hear((*earlier, talk.question, answer), OPENAI.answer("Thanks."))
    assert chunks(response)[-1]["finishReason"] == "stop"
    assert talk.told() == {"calculator": [POSTED, OWN["calculator"]], "confirm": [POSTED]}
    assert b"I never said this." not in model.requests[0].data
