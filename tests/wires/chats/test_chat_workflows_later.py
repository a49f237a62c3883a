"""What becomes of workflows later: their chat is deleted, the server starts again, its configuration has changed."""

import json
import time

import pytest
from support.chat_workflows import GREET, SHIPPED, make, open_stream, talk, text
from support.users import COOKIE, Person, refusal

from app.testing.server import eventually, script
from app.testing.sockets import post, read_until


@pytest.fixture(scope="module")
def ada(server) -> Person:
    return Person.new(server)


@pytest.mark.parametrize("steps", [[{"text": "first"}, {"pause": 60}], [{"pause": 60}]], ids=["speaking", "silent"])
def test_a_chat_that_is_deleted_ends_its_run(ada, steps) -> None:
    workflow, chat = make(ada, talk(*steps)), ada.chat()
    with open_stream(ada, chat, "Go", workflow) as connection:
        read_until(connection, b'"start"')
        assert ada.call("DELETE", f"/api/chats/{chat}").status_code == 204
        data = read_until(connection, b"NOT_FOUND")
    assert b'"message":"The chat was deleted"' in data
    assert refusal(ada.call("GET", f"/api/chats/{chat}/messages"))[0] == 404


def test_a_chat_that_is_deleted_ends_an_answer_without_a_workflow_too(server, ada) -> None:
    before = len(server.log("turn"))
    hangs = script({"text": "first"}, {"pause": 60})
    body = json.dumps(ada.message(hangs)).encode()
    chat = ada.chat()
    headers = {"Cookie": f"{COOKIE}={ada.http.cookies[COOKIE]}"}
    with post(server, f"/api/chats/{chat}/messages/stream", body, headers) as connection:
        read_until(connection, b'"first"')
        assert ada.call("DELETE", f"/api/chats/{chat}").status_code == 204
        eventually(lambda: len(server.log("turn")) > before)
    assert server.log("turn")[-1]["outcome"] == "interrupted"


def test_an_agent_with_a_workflow_of_its_own_follows_it_and_names_the_run(start) -> None:
    server = start(changes={**SHIPPED, "public = true": 'public = true\nworkflow = "Price with tax"'})
    person = Person.new(server)
    chat = person.chat()
    answered = person.ask(chat, "0 euros").json()
    assert answered["assistantMessage"]["content"] == "A price has to be more than nothing."
    (run,) = person.call("GET", f"/api/chats/{chat}/workflow-runs").json()["runs"]
    assert answered["workflowRunId"] == run["id"] == answered["assistantMessage"]["id"]
    assert text(person.stream(chat, "0 euros", workflowId=make(person, GREET))) == "Hello, 0 euros."


def test_what_was_taken_from_the_agent_is_taken_from_stored_workflows(start) -> None:
    server = start(changes=SHIPPED)
    person = Person.new(server)
    asks = {"id": "b", "prompt": script({"text": "Hi"}), "tools": ["calculator"]}
    tools = make(person, {"name": "T", "steps": [{"id": "time", "tool": "clock"}, asks]})
    long = make(person, {**talk({"text": "x"}), "limits": {"seconds": 100}})
    assert all(person.ask(person.chat(), "Go", workflowId=each).status_code == 201 for each in (tools, long))
    path = server.home / "parlance.toml"
    config = path.read_text().replace('["calculator", "clock", "knowledge"]', '["knowledge"]', 1)
    path.write_text(config.replace("[workflows]\n", "[workflows]\nseconds = 90\n"))
    server.stop()
    server.start()
    for workflow, words in (
        (
            tools,
            "step 'time': There is no tool 'clock'; there are: knowledge; step 'b': There is no tool 'calculator'",
        ),
        (long, "limits.seconds: 100 seconds could be spent on a run; 90 is the most"),
    ):
        refused = refusal(person.ask(person.chat(), "Go", workflowId=workflow))
        assert refused[:2] == (400, "Bad Request")
        assert refused[2].startswith(f"This workflow cannot be run any more: {words}")
    assert {tools, long} < {each["id"] for each in person.call("GET", "/api/workflows").json()["workflows"]}
    assert person.call("GET", f"/api/workflows/{tools}/diagram").ok
    changed = {"steps": [{"id": "say", "say": "Hi"}]}
    assert person.call("PATCH", f"/api/workflows/{tools}", changed).ok
    assert person.ask(person.chat(), "Go", workflowId=tools).status_code == 201


@pytest.mark.timed
def test_many_large_workflows_are_listed_at_once_after_a_restart(start) -> None:
    server = start()
    person = Person.new(server)
    steps = [{"id": f"s{n}", "say": "{{ 1 }}" * 54, "dependsOn": [f"s{n - 10}"] if n > 9 else []} for n in range(50)]
    for _ in range(11):
        make(person, {"name": "Large", "steps": steps})
    server.stop()
    server.start()
    began = time.monotonic()
    made = person.call("POST", "/api/workflows", {"name": "Large", "steps": steps})
    checked = time.monotonic() - began
    assert made.status_code == 201
    began = time.monotonic()
    listed = person.call("GET", "/api/workflows").json()["workflows"]
    assert len([each for each in listed if not each["shipped"]]) == 12
    assert time.monotonic() - began < 4 * checked, "none of them is read, where checking one takes a while"
