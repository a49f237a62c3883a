"""Agents that follow a workflow, asked over each wire: the same run everywhere, and each wire's own words for it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from support.agents import Client, keys, user
from support.users import Person
from support.wires import WIRES, AgentsStream, AgentsWhole, Workers, WorkersWhole

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import SILENCE, ModelServer, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually, new_session_id
from app.testing.sockets import read_until
from app.testing.wire_client import WireClient

KEYED = [wire for wire in WIRES if wire.key_kind in ("widget", "secret")]
every_wire = pytest.mark.parametrize("wire", KEYED, ids=repr)
every_stream = pytest.mark.parametrize("wire", [wire for wire in KEYED if wire.streamed], ids=repr)
every_whole = pytest.mark.parametrize("wire", [wire for wire in KEYED if not wire.streamed], ids=repr)

FAILURE = "The step 'sum' failed: that is not an arithmetic expression"
SUMS = """
- {id: product, tool: calculator, args: {expression: "{{ input | first_number }} * 7"}}
- {id: sum, tool: calculator, args: {expression: "2 + 3"}}
"""
WORKFLOWS = {
    "plan": f"""{SUMS}
- id: tell
  prompt: >-
    [{{"text": "{{{{ steps.product.result }}}}"}}, {{"text": " and "}}, {{"text": "{{{{ steps.sum.result }}}}"}}]
  dependsOn: [product, sum]
""",
    "fails": """
- {id: product, tool: calculator, args: {expression: "6 * 7"}}
- {id: sum, tool: calculator, args: {expression: "no sum"}, dependsOn: [product]}
- {id: tell, say: "never", dependsOn: [sum]}
""",
    "silent": """
- {id: think, prompt: '[{"text": "hidden"}, {"pause": 1}]'}
- {id: tell, say: "At last.", dependsOn: [think]}
""",
    "relayed": f"""{SUMS}
- {{id: tell, prompt: "Tell: {{{{ steps.sum.result }}}}", dependsOn: [product, sum]}}
""",
    "odd": """
- {id: a, tool: calculator, args: {expression: '{{ "\\ud800" }}'}, onError: continue}
- {id: b, say: "{{ steps.a.error }}", dependsOn: [a]}
""",
    "hostile": """
- {id: spins, say: "{% for a in input %}{% for b in input %}{% for c in input %}{% endfor %}{% endfor %}{% endfor %}"}
""",
}
TABLES = """
[models.local]
provider = "openai"
base_url = "{url}/v1"
model = "m-1"

[workflows]
files = ["workflows/*.yaml"]
"""
CALLS = [("calculator", {"expression": "2 + 3"}), ("calculator", {"expression": "6 * 7"})]


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def prepared(folder: Any, model_server: ModelServer) -> Server:
    """A server, not started yet, with an agent for each workflow, of its name."""
    (folder / "workflows").mkdir()
    config = CONFIG + TABLES.format(url=model_server.url)
    for n, (name, steps) in enumerate(WORKFLOWS.items()):
        head = f"id: {n:08d}-0000-4000-8000-000000000000\nname: {name}\nsteps:"
        (folder / "workflows" / f"{name}.yaml").write_text(head + steps)
        model = "local" if name == "relayed" else "scripted"
        config += f'\n[agents.{name}]\nmodel = "{model}"\nworkflow = "{name}"\nshow_tools = true\n'
    return Server(folder, config=config)


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_server) -> Iterator[Server]:
    with prepared(tmp_path_factory.mktemp("workflows"), model_server) as running:
        yield running


def caller(server: Server, wire: WireClient, agent: str) -> Caller:
    return Caller(wire, server, keys(server).create(wire.key_kind, agent))  # type: ignore[arg-type]


def run_of(server: Server, answer: dict[str, Any]) -> dict[str, Any]:
    """The run that made the answer, with the status of each of its steps."""
    (row,) = server.rows("SELECT * FROM runs WHERE id = ?", answer["id"])
    steps = server.rows("SELECT * FROM run_steps WHERE run_id = ?", answer["id"])
    return {**dict(row), "steps": {step["step_id"]: step["status"] for step in steps}}


def shown(wire: WireClient, data: bytes) -> list[tuple[str, Any]] | None:
    """The tool calls that a caller sees, in any order; None where the wire shows none."""
    if isinstance(wire, WorkersWhole):
        found = [(call["name"], call["arguments"]) for call in json.loads(data)["tool_calls"]]
    elif isinstance(wire, AgentsWhole):
        parts = json.loads(data)["data"]["parts"]
        found = [(part["toolName"], part["input"]) for part in parts if part["type"] == "tool-call"]
    elif wire.name in ("openai", "messages", "responses"):
        return None  # where clients would run them
    elif not wire.streamed or wire.content_type == "application/x-ndjson" or isinstance(wire, AgentsStream):
        return None
    else:
        frames = [frame for frame in wire.frames(data) if isinstance(frame, dict)]
        calls = [call for frame in frames for call in frame.get("tool_calls", ())]
        found = [(call["name"], call["arguments"]) for call in calls]
        found += [(each["toolName"], each["toolArgs"]) for each in frames if each.get("type") == "tool_call"]
        found += [(each["toolName"], each["input"]) for each in frames if each.get("type") == "tool-input-available"]
    return sorted(found, key=lambda call: str(call[1]))


@every_wire
def test_a_run_is_the_same_on_every_wire(server, wire) -> None:
    asking = caller(server, wire, "plan")
    question = f"6 {wire}"
    response = asking.ask(question)
    assert response.status_code == 200, response.text
    answer = wire.decode(response.content)
    assert (answer.text, answer.ended, answer.error) == ("42 and 5", True, None)
    assert shown(wire, response.content) in (CALLS, None)
    stored = asking.stored(question)[1]
    assert (stored["text"], stored["status"], stored["model"]) == ("42 and 5", "complete", "scripted")
    assert [part["type"] for part in stored["parts"]].count("tool-call") == 2
    assert sorted(part["output"] for part in stored["parts"] if part["type"] == "tool-result") == ["42", "5"]
    run = run_of(server, stored)
    assert (run["status"], run["error"], run["version"]) == ("complete", None, 1)
    assert run["steps"] == dict.fromkeys(("product", "sum", "tell"), "complete")
    assert run["conversation_id"] == stored["conversation_id"]


def test_a_signed_in_caller_who_names_the_workflow_gets_the_same_run(server) -> None:
    person = Person.new(server)
    chat, plan = person.chat(), f"{[*WORKFLOWS].index('plan'):08d}-0000-4000-8000-000000000000"
    start, *between, end = person.stream(chat, "6", workflowId=plan)
    assert sorted(
        ((each["toolName"], each["toolArgs"]) for each in between if each["type"] == "tool_call"),
        key=lambda call: str(call[1]),
    ) == CALLS  # fmt: skip
    assert sorted(each["result"] for each in between if each["type"] == "tool_result") == ["42", "5"]
    assert [each["delta"] for each in between if each["type"] == "content"] == ["42", " and ", "5"]
    assert end == {"type": "end", "messageId": start["messageId"]}
    run = person.call("GET", f"/api/workflow-runs/{start['messageId']}").json()
    assert (run["status"], run["error"], run["workflowVersion"], run["chatId"]) == ("complete", None, 1, chat)
    assert {each["id"]: each["status"] for each in run["steps"]} == dict.fromkeys(
        ("product", "sum", "tell"), "complete"
    )


@every_stream
def test_tokens_of_a_workflow_are_tokens_of_the_wire(server, wire) -> None:
    answer = wire.decode(caller(server, wire, "plan").ask("6").content)
    assert answer.tokens == ["42", " and ", "5"]


def test_the_ai_sdk_sees_its_chunks_in_order(server) -> None:
    response = Client(server, keys(server).create("secret", "plan"), "plan").chat({"messages": [user("m1", "6")]})
    frames = [frame for frame in AgentsStream().frames(response.content) if frame is not None]
    start, step, *calls, started, d1, d2, d3, ended, finished, last, done = frames
    assert [start["type"], step["type"], finished["type"], last["type"], done] == [
        *("start", "start-step", "finish-step", "finish", "[DONE]")
    ]
    assert [each["delta"] for each in (d1, d2, d3)] == ["42", " and ", "5"]
    assert {started["id"], d1["id"], d2["id"], d3["id"], ended["id"]} == {started["id"]}
    assert (started["type"], ended["type"]) == ("text-start", "text-end")
    inputs = {each["toolCallId"]: each["input"] for each in calls if each["type"] == "tool-input-available"}
    outputs = {each["toolCallId"]: each["output"] for each in calls if each["type"] == "tool-output-available"}
    assert len(calls) == 4
    assert {inputs[call_id]["expression"]: outputs[call_id] for call_id in inputs} == {"6 * 7": "42", "2 + 3": "5"}
    for call_id in inputs:
        places = [at for at, each in enumerate(calls) if each["toolCallId"] == call_id]
        assert [calls[at]["type"] for at in places] == ["tool-input-available", "tool-output-available"]


def test_the_widget_sees_calls_and_results(server) -> None:
    wire = next(wire for wire in KEYED if wire.name == "widget")
    events = [json.loads(line) for line in caller(server, wire, "plan").ask("6").content.splitlines() if line]
    results = {event["toolCallId"]: event["result"] for event in events if event["type"] == "tool_result"}
    assert {event["toolCallId"] for event in events if event["type"] == "tool_call"} == set(results)
    assert sorted(results.values()) == ["42", "5"]


@every_stream
def test_a_step_that_fails_is_the_wires_error_and_the_stream_ends(server, wire) -> None:
    asking = caller(server, wire, "fails")
    response = asking.ask(f"fails on {wire}")
    answer = wire.decode(response.content)
    assert (response.status_code, answer.text, answer.ended, answer.error) == (200, "", True, FAILURE)
    stored = asking.stored(f"fails on {wire}")[1]
    run = run_of(server, stored)
    assert (stored["status"], run["status"], run["error"]) == ("failed", "failed", FAILURE)
    assert run["steps"] == {"product": "complete", "sum": "failed"}


@every_whole
def test_a_step_that_fails_is_a_status_where_the_answer_is_whole(server, wire) -> None:
    response = caller(server, wire, "fails").ask("6")
    assert response.status_code == 502
    words = "The workflow failed" if wire.name == "widget" else FAILURE  # widgets are told the kind alone
    assert words in json.dumps(response.json())


@every_stream
def test_silence_of_a_step_is_filled_with_keep_alives(server, wire) -> None:
    response = caller(server, wire, "silent").ask("6")
    answer = wire.decode(response.content)
    assert (answer.text, answer.ended) == ("At last.", True)
    assert answer.keep_alives >= 2, "one after each 0.3 s of the second"
    assert b"hidden" not in response.content


@every_stream
def test_silence_while_the_model_that_answers_opens_is_filled_with_keep_alives(server, model_server, wire) -> None:
    model_server.play([0.8, *OPENAI.answer("At last.")])
    answer = wire.decode(caller(server, wire, "relayed").ask("6").content)
    assert (answer.text, answer.ended) == ("At last.", True)
    assert answer.keep_alives >= 2, "one after each 0.3 s of 0.8"


@every_wire
def test_half_a_character_in_an_argument_breaks_no_wire(server, wire) -> None:
    answer = wire.decode(caller(server, wire, "odd").ask("6").content)
    assert (answer.text, answer.ended) == ("that is not an arithmetic expression", True)


@every_wire
def test_a_caller_who_leaves_interrupts_the_run_and_closes_the_model(server, model_server, wire) -> None:
    model_server.play([*streamed(OPENAI.text("so far")), SILENCE])
    asking = caller(server, wire, "relayed")
    question = f"6 {wire} leaves"
    with asking.open(question) as connection:
        if wire.streamed:
            read_until(connection, b"so far")
        request = model_server.wait_for_request()
        left = time.monotonic()
    assert request.closed.wait(5)
    assert request.closed_at - left < 1
    assert request.json["messages"][-1]["content"] == "Tell: 5"
    stored = eventually(lambda: asking.stored(question)[1:])[0]
    run = run_of(server, stored)
    assert (stored["status"], run["status"]) == ("interrupted", "interrupted")
    assert run["steps"] == {"product": "complete", "sum": "complete"}
    assert run["ended_at"] - run["created_at"] < 5000


@every_wire
def test_a_caller_who_leaves_while_the_model_that_answers_opens_closes_the_connection(
    server, model_server, wire
) -> None:
    model_server.play([SILENCE])
    asking = caller(server, wire, "relayed")
    question = f"6 {wire} leaves early"
    with asking.open(question):
        request = model_server.wait_for_request()
    assert request.closed.wait(5)
    stored = eventually(lambda: asking.stored(question)[1:])[0]
    assert (stored["status"], run_of(server, stored)["status"]) == ("interrupted", "interrupted")
    assert len(model_server.requests) == 1


def test_a_worker_that_is_killed_leaves_runs_that_are_interrupted(tmp_path, model_server) -> None:
    model_server.play([*streamed(OPENAI.text("so far")), SILENCE])
    with prepared(tmp_path, model_server) as server:
        wire = Workers()
        asking = caller(server, wire, "relayed")
        with asking.open("6") as connection:
            read_until(connection, b"so far")
            (run,) = server.rows("SELECT * FROM runs")
            assert (run["status"], run["ended_at"]) == ("running", None)
            pid = server.worker_pid()
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: requests.get(f"{server.url}/ready", timeout=5).status_code == 200, 15)
        eventually(lambda: server.rows("SELECT * FROM runs")[0]["status"] == "interrupted")
        assert server.rows("SELECT * FROM runs")[0]["ended_at"]
        answer = wire.decode(caller(server, wire, "plan").ask("6").content)
        assert (answer.text, answer.ended) == ("42 and 5", True)


@pytest.mark.alone
def test_templates_that_spin_leave_the_others_their_turn(server) -> None:
    wire = Workers()
    asking = [caller(server, wire, "hostile") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(each.ask, "x" * 3000 + new_session_id()) for each in asking for _ in range(3)]
        waits = []
        while not all(one.done() for one in asked):
            started = time.monotonic()
            assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
            waits.append(time.monotonic() - started)
    assert max(waits) < 0.5
    errors = {wire.decode(one.result().content).error for one in asked}
    assert errors == {"The step 'spins' failed: A template took longer than 0.1 seconds."}
