"""A whole answer has `answer_seconds`, also where no model has accepted the question, and where a workflow makes it.

What a model was saying by then is in the wires' suite.
"""

import time
from collections.abc import Iterator

import pytest
from support.agents import keys
from support.wires import AgentsStream, WidgetStream, WidgetWhole, every_wire

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import ModelServer
from app.testing.server import Server, eventually
from app.testing.wire_client import ERROR_MESSAGES, WireClient

TABLES = """
[models.silent]
provider = "openai"
base_url = "{url}/v1"
model = "m-1"

[workflows]
files = ["workflows/*.yaml"]

[agents.silent]
model = "silent"
widget_key_wires = ["agents"]

[agents.plan]
model = "scripted"
workflow = "plan"
widget_key_wires = ["agents"]
"""
PLAN = """
id: 00000000-0000-4000-8000-000000000000
name: plan
steps:
- {id: think, prompt: '[{"text": "hidden"}, {"pause": 60}]'}
- {id: tell, say: "never", dependsOn: [think]}
"""


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """Which answers nothing."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(model, tmp_path_factory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("late")
    (home / "workflows").mkdir()
    (home / "workflows" / "plan.yaml").write_text(PLAN)
    config = CONFIG.replace("[server]\n", "[server]\nanswer_seconds = 1\n") + TABLES.format(url=model.url)
    with Server(home, config=config) as running:
        yield running


def caller(server: Server, wire: WireClient, agent: str) -> Caller:
    key = server.key("session", agent) if wire.key_kind == "session" else keys(server).create(wire.key_kind, agent)
    return Caller(wire, server, key)


@every_wire
def test_a_question_that_no_model_accepts_in_time_is_504_and_free(server, model, wire) -> None:
    asking, question = caller(server, wire, "silent"), f"Are you there? {wire}"
    began, asked = time.monotonic(), len(model.requests)
    refused = asking.ask(question)
    wire.check_error(refused, 504)
    request_id = refused.headers["x-request-id"]
    (turn,) = eventually(lambda: [each for each in server.log("turn") if each["request_id"] == request_id])
    assert (turn["outcome"], turn["reason"]) == ("interrupted", ERROR_MESSAGES[504])
    assert 1 <= time.monotonic() - began < 10
    last = asking.stored(question)[-1]
    assert (last["status"], last["parts"], last["credits"]) == ("interrupted", [], 0)
    eventually(model.requests[asked].closed.is_set)


@pytest.mark.parametrize("wire", [WidgetStream(), WidgetWhole(), AgentsStream()], ids=repr)
def test_a_workflow_has_no_more_time_than_any_answer(server, wire) -> None:
    asking, question = caller(server, wire, "plan"), f"Well? {wire}"
    response = asking.ask(question)
    if wire.streamed:
        reply = wire.decode(response.content)
        assert (reply.text, reply.ended, reply.error) == ("", True, ERROR_MESSAGES[504])
    else:
        wire.check_error(response, 504)
    last = asking.stored(question)[-1]
    assert (last["status"], last["credits"]) == ("interrupted", 1), "the step that was asked is paid"
    (run,) = server.rows("SELECT status FROM runs WHERE id = ?", last["id"])
    assert run["status"] == "interrupted"
