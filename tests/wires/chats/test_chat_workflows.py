"""Workflows on the chats wire: made, changed, drawn, run, cancelled; and the record of their runs."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from support.chat_workflows import GREET, SHIPPED, make, open_stream, talk, text
from support.users import Person, refusal

from app.testing.server import Server, eventually, script
from app.testing.sockets import read_until

PRICE = "5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b11"
FETCH = "3b9d5b0e-7f1c-4c66-9a0e-2f6f1d8f4a25"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("workflows"), changes=SHIPPED) as running:
        yield running


@pytest.fixture(scope="module")
def ada(server) -> Person:
    return Person.new(server)


@pytest.fixture(scope="module")
def bob(server) -> Person:
    return Person.new(server)


def run_of(person: Person, run_id: str) -> dict[str, Any]:
    found = person.call("GET", f"/api/workflow-runs/{run_id}")
    assert found.status_code == 200, found.text
    run: dict[str, Any] = found.json()
    return run


def test_a_shipped_workflow_streams_its_tool_calls_and_its_answer(ada) -> None:
    builtin = {"modelId": "builtin", "workflowId": PRICE}
    start, *between, end = ada.stream(ada.chat(), "What is 40 euros with tax?", **builtin)
    mark = start["messageId"][:8]
    net, gross = f"net_{mark}", f"gross_{mark}"
    assert [event for event in between if event["type"] != "content"] == [
        {"type": "tool_call", "toolCallId": net, "toolName": "calculator", "toolArgs": {"expression": "40 * 1"}},
        {"type": "tool_result", "toolCallId": net, "toolName": "calculator", "result": "40"},
        {"type": "tool_call", "toolCallId": gross, "toolName": "calculator", "toolArgs": {"expression": "40 * 1.19"}},
        {"type": "tool_result", "toolCallId": gross, "toolName": "calculator", "result": "47.6"},
    ]
    assert text(between) == "Net 40, with 19 % tax 47.6."
    assert end == {"type": "end", "messageId": start["messageId"]}


def test_the_shipped_example_fetches_side_by_side_and_merges(ada) -> None:
    start, *told, _ = ada.stream(ada.chat(), "Which wires are spoken?", workflowId=FETCH)
    between = [event for event in told if event]  # keep-alives, while the knowledge is indexed
    called = sorted(event["toolName"] for event in between if event["type"] == "tool_call")
    assert called == ["clock", "knowledge", "knowledge"]
    answer = text(between)
    assert all(part in answer for part in ("(Source: Wires, ", "Help: There is no support desk", "As of ")), answer
    assert text(ada.stream(ada.chat(), "Zyzzyva?", workflowId=FETCH)).startswith("There is nothing about that")
    assert run_of(ada, start["messageId"])["status"] == "complete"


def test_a_run_is_recorded_step_by_step_under_the_answers_id(ada) -> None:
    chat = ada.chat()
    answered = ada.ask(chat, "What is 40 euros with tax?", modelId="builtin", workflowId=PRICE).json()
    assert answered["workflowRunId"] == answered["assistantMessage"]["id"]
    run = run_of(ada, answered["workflowRunId"])
    steps = run.pop("steps")
    (listed,) = ada.call("GET", f"/api/chats/{chat}/workflow-runs").json()["runs"]
    assert listed == run
    many = ada.call("GET", f"/api/chats/{chat}/workflow-runs", limit=200).json()
    assert (many["workflowRuns"], many["limit"]) == ([run], 200)
    assert refusal(ada.call("GET", f"/api/chats/{chat}/workflow-runs", limit=201))[0] == 400
    assert (run["chatId"], run["workflowId"], run["workflowVersion"]) == (chat, PRICE, 1)
    assert (run["status"], run["error"]) == ("complete", None)
    assert {step["id"]: (step["status"], step["result"]) for step in steps} == {
        "net": ("complete", "40"),
        "gross": ("complete", "47.6"),
        "refuse": ("skipped", None),
        "ask": ("skipped", None),
        "reply": ("complete", answered["assistantMessage"]["content"]),
    }
    assert all(step["startedAt"] <= step["endedAt"] for step in steps)


def test_an_answer_without_a_workflow_has_no_run(ada) -> None:
    chat = ada.chat()
    assert "workflowRunId" not in ada.ask(chat, "hello").json()
    assert ada.call("GET", f"/api/chats/{chat}/workflow-runs").json()["runs"] == []


def test_a_workflow_is_made_read_changed_and_deleted(ada) -> None:
    made = ada.call("POST", "/api/workflows", {"data": GREET})
    known = made.json()
    assert (made.status_code, known) == (201, {**GREET, "id": known["id"], "version": 1, "shipped": False,
        "createdAt": known["createdAt"], "updatedAt": known["createdAt"]})  # fmt: skip
    path = f"/api/workflows/{known['id']}"
    assert ada.call("GET", path).json() == known
    assert known in ada.call("GET", "/api/workflows").json()["workflows"]
    changed = ada.call("PATCH", path, {"steps": [{"id": "greet", "say": "Goodbye."}], "limits": {"seconds": 5}}).json()
    assert (changed["name"], changed["version"], changed["limits"]) == ("Greet", 2, {"seconds": 5})
    assert ada.ask(ada.chat(), "Ada", workflowId=known["id"]).json()["assistantMessage"]["content"] == "Goodbye."
    deleted = ada.call("DELETE", path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert refusal(ada.call(method, path)) == (404, "Not Found", "Workflow does not exist")
    assert refusal(ada.ask(ada.chat(), "Ada", workflowId=known["id"]))[0] == 404


def test_a_run_keeps_the_version_with_which_it_began(ada) -> None:
    workflow = make(ada, talk({"text": "first"}, {"pause": 1}, {"text": " version"}))
    chat = ada.chat()
    with open_stream(ada, chat, "Go", workflow) as connection:
        read_until(connection, b'"first"')
        assert ada.call("PATCH", f"/api/workflows/{workflow}", talk({"text": "second"})).json()["version"] == 2
        read_until(connection, b'"type":"end"')
    assert ada.messages(chat)[-1]["content"] == "first version"
    assert text(ada.stream(chat, "Go", workflowId=workflow)) == "second"
    versions = [run["workflowVersion"] for run in ada.call("GET", f"/api/chats/{chat}/workflow-runs").json()["runs"]]
    assert versions == [2, 1], "the latest first"


def test_of_two_changes_at_once_none_is_lost_unnoticed(ada) -> None:
    workflow = make(ada, GREET)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ada.call("PATCH", f"/api/workflows/{workflow}", {"name": f"{n}"}), range(8)))
    made = sorted(answer.json()["version"] for answer in answers if answer.status_code == 200)
    assert made == list(range(2, 2 + len(made)))
    assert made, "at least one of them came through"
    assert {answer.status_code for answer in answers} <= {200, 409}
    refusals = {refusal(answer) for answer in answers if answer.status_code == 409}
    assert refusals <= {(409, "CONFLICT", "The workflow was changed meanwhile")}


def test_what_was_read_can_be_sent_back_with_a_change(ada) -> None:
    path = f"/api/workflows/{make(ada, GREET)}"
    known = ada.call("GET", path).json()
    changed = ada.call("PATCH", path, {**known, "name": "Greet again"}).json()
    assert changed == {**known, "name": "Greet again", "version": 2, "updatedAt": changed["updatedAt"]}
    copied = ada.call("POST", "/api/workflows", known).json()
    assert (copied["name"], copied["version"], copied["id"] == known["id"]) == ("Greet", 1, False)


def test_anothers_workflow_does_not_exist_for_anybody_else(ada, bob) -> None:
    workflow, missing = make(ada, GREET), str(uuid.uuid4())
    for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
        theirs, none = (bob.call(method, f"/api/workflows/{each}", body) for each in (workflow, missing))
        assert refusal(theirs) == refusal(none) == (404, "Not Found", "Workflow does not exist")
    assert refusal(bob.call("GET", f"/api/workflows/{workflow}/diagram"))[0] == 404
    assert refusal(bob.ask(bob.chat(), "Go", workflowId=workflow))[0] == 404
    assert workflow not in bob.call("GET", "/api/workflows").text
    assert ada.call("GET", f"/api/workflows/{workflow}").json()["name"] == "Greet"


def test_anothers_runs_cannot_be_seen(ada, bob) -> None:
    chat = ada.chat()
    run = ada.ask(chat, "Go", workflowId=make(ada, GREET)).json()["workflowRunId"]
    assert refusal(bob.call("GET", f"/api/workflow-runs/{run}")) == (404, "Not Found", "Workflow run does not exist")
    assert refusal(bob.call("GET", f"/api/chats/{chat}/workflow-runs"))[0] == 403
    assert ada.call("DELETE", f"/api/chats/{chat}").status_code == 204
    assert refusal(ada.call("GET", f"/api/workflow-runs/{run}"))[0] == 404, "runs go with their chat"


def test_a_mistake_in_the_query_is_told_before_the_chat_is_looked_for(ada, bob) -> None:
    for chat in (ada.chat(), bob.chat(), str(uuid.uuid4())):
        status, _, message = refusal(ada.call("GET", f"/api/chats/{chat}/workflow-runs", limit=0))
        assert (status, message.split(":")[0]) == (400, "limit")


def test_a_shipped_workflow_is_everybodys_and_nobodys_to_change(ada, bob) -> None:
    for person in (ada, bob):
        names = [each["name"] for each in person.call("GET", "/api/workflows").json()["workflows"] if each["shipped"]]
        assert names == ["Answer from knowledge", "Fetch and merge", "Price with tax"]
        for method in ("PATCH", "DELETE"):
            refused = person.call(method, f"/api/workflows/{PRICE}", {"name": "Mine"} if method == "PATCH" else None)
            assert refusal(refused)[:2] == (403, "Forbidden")


def test_a_diagram_is_mermaids_text(ada) -> None:
    drawn = ada.call("GET", f"/api/workflows/{PRICE}/diagram")
    assert drawn.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert drawn.text.splitlines()[:2] == ["flowchart TD", '    s_net["Net price<br/>calculator"]']
    assert "    s_net --> s_gross" in drawn.text


STEP = {"id": "a", "say": "x"}


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ({}, "name"),
        ([], ""),
        ({"name": "x", "steps": []}, "steps"),
        ({"name": "x", "steps": [STEP] * 1000}, "steps"),
        ({"name": "x", "steps": [STEP, STEP]}, "steps.1.id"),
        ({"name": "x", "steps": [{**STEP, "dependsOn": ["a"]}]}, "steps.0.dependsOn"),
        ({"name": "x", "steps": [{**STEP, "dependsOn": ["b"]}, {**STEP, "id": "b", "dependsOn": ["a"]}]}, "steps"),
        ({"name": "x", "steps": [{"id": "a", "say": "{{ ''.__class__ }}"}]}, "steps.0.say"),
        ({"name": "x", "steps": [{"id": "a", "say": "{{ input.upper() }}"}]}, "steps.0.say"),
        ({"name": "x", "steps": [{"id": "a", "say": "{{ steps.b.result }}"}]}, "steps.0.dependsOn"),
        ({"name": "x", "steps": [{"id": "a", "tool": "http_request"}]}, "steps.0.tool"),
        ({"name": "x", "steps": [{**STEP, "tool": "clock"}]}, "steps.0"),
        ({"name": "x", "steps": [{"id": "a", "tool": "clock", "args": {"zoen": "UTC"}}]}, "steps.0.args"),
        ({"name": "x", "steps": [STEP], "limits": {"seconds": 100_000}}, None),
        ({"name": "x", "steps": [{"id": "a", "prompt": "x"}], "limits": {"seconds": 100_000}}, "limits.seconds"),
        ({"name": "x", "steps": [STEP], "surprise": 1}, "surprise"),
    ],
)
def test_what_is_no_workflow_is_refused_by_the_place_of_its_mistake(ada, written, place) -> None:
    refused = ada.call("POST", "/api/workflows", written)
    if place is None:
        assert refused.status_code == 201, "a limit that is never reached is no mistake"
        return
    status, error, message = refusal(refused)
    assert (status, error) == (400, "Bad Request")
    assert message.startswith(f"{place}: ") if place else message


def test_a_workflow_id_that_is_none_is_named(ada) -> None:
    assert refusal(ada.ask(ada.chat(), "Go", workflowId="5"))[2].startswith("workflowId: ")
    assert refusal(ada.call("GET", "/api/workflows/5"))[2].startswith("workflowId: ")
    assert refusal(ada.call("GET", "/api/workflow-runs/5"))[2].startswith("runId: ")
    assert refusal(ada.ask(ada.chat(), "Go", workflowId=str(uuid.uuid4())))[2] == "Workflow does not exist"


def test_a_second_run_in_a_chat_waits_for_nobody(ada) -> None:
    workflow, chat = make(ada, talk({"text": "first"}, {"pause": 60})), ada.chat()
    with open_stream(ada, chat, "Go", workflow) as connection:
        read_until(connection, b'"first"')
        refused = ada.ask(chat, "Go", workflowId=workflow)
        assert refusal(refused)[:2] == (409, "WORKFLOW_RUN_IN_PROGRESS")
        assert ada.ask(ada.chat(), "hello").status_code == 201, "in another chat there is nothing in the way"


def test_a_caller_who_leaves_ends_the_run(ada) -> None:
    steps = [
        {"id": "wait", "prompt": script({"pause": 60})},
        {"id": "talk", "prompt": script({"text": "first"}, {"pause": 60})},
    ]
    workflow, chat = make(ada, {"name": "Two", "steps": steps}), ada.chat()
    with open_stream(ada, chat, "Go", workflow) as connection:
        read_until(connection, b'"first"')
    (run,) = eventually(
        lambda: [
            run
            for run in ada.call("GET", f"/api/chats/{chat}/workflow-runs").json()["runs"]
            if run["status"] != "running"
        ]
    )
    assert (run["status"], run["endedAt"] is None) == ("interrupted", False)
    assert eventually(lambda: ada.messages(chat)[1:])[0]["status"] == "interrupted"
    assert ada.ask(chat, "hello").status_code == 201


def test_a_step_that_fails_is_told_with_its_result_and_its_name(ada) -> None:
    broken = {"name": "Broken", "steps": [{"id": "sum", "tool": "calculator", "args": {"expression": "1/0"}}]}
    chat = ada.chat()
    start, call, returned, error = ada.stream(chat, "Go", workflowId=make(ada, broken))
    assert (call["type"], returned["type"], returned["isError"]) == ("tool_call", "tool_result", True)
    assert returned["result"] == "division by zero"
    message = "The step 'sum' failed: division by zero"
    assert error == {"type": "error", "error": "WORKFLOW_FAILED", "message": message}
    run = run_of(ada, start["messageId"])
    assert (run["status"], run["error"]) == ("failed", message)
    assert [(step["id"], step["status"], step["error"]) for step in run["steps"]] == [
        ("sum", "failed", "division by zero")
    ]
    assert ada.messages(chat)[-1]["status"] == "failed"


def test_a_step_that_may_fail_leaves_the_others_their_way(ada) -> None:
    written = {
        "name": "Goes on",
        "steps": [
            {"id": "sum", "tool": "calculator", "args": {"expression": "1/0"}, "onError": "continue", "retries": 1},
            {"id": "tell", "say": "{{ steps.sum.error }}: {{ steps.sum.result | default(0) }}", "dependsOn": ["sum"]},
        ],
    }
    events = ada.stream(ada.chat(), "Go", workflowId=make(ada, written))
    assert [event["type"] for event in events].count("tool_call") == 2, "it was tried again"
    assert text(events) == "division by zero: 0"


def test_what_never_ends_is_ended_by_its_limits_and_others_go_on(server, ada) -> None:
    nested = "{% for a in input %}{% for b in input %}{% for c in input %}{% endfor %}{% endfor %}{% endfor %}"
    hostile = {"name": "Slow", "steps": [{"id": "loop", "say": nested}]}
    patient = {**talk({"pause": 60}), "limits": {"seconds": 0.5}}
    looping = {"name": "Loop", "steps": [{"id": f"s{n}", "tool": "clock"} for n in range(3)]}
    expected = {
        "hostile": (hostile, "WORKFLOW_FAILED", "The step 'loop' failed: A template took longer than 0.1 seconds."),
        "patient": (patient, "WORKFLOW_LIMIT", "The workflow took too long"),
        "looping": (looping, "TOOL_LOOP", "The same tool call was made over and over"),
    }
    for written, error, message in expected.values():
        workflow, chat, slowest = make(ada, written), ada.chat(), 0.0
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ada.stream, chat, "x" * 5000, workflowId=workflow)
            while not asking.done():
                asked = time.monotonic()
                assert requests.get(f"{server.url}/health", timeout=30).ok
                slowest = max(slowest, time.monotonic() - asked)
        assert asking.result()[-1] == {"type": "error", "error": error, "message": message}
        assert slowest < 0.5


def test_a_user_has_so_many_workflows_and_no_more(server) -> None:
    carol = Person.new(server)
    for _ in range(100):
        make(carol, GREET)
    assert refusal(carol.call("POST", "/api/workflows", GREET))[0] == 400
