"""What answers cost: by their model, summed by key, held while they are under way, and refused where none are left."""

import hashlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.agents import Client, answered, assistant, chunks, configured, finished, refused, user
from support.wires import WidgetStream, WidgetWhole, Workers, WorkersWhole

from app.testing.caller import Caller
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import read_until

TABLES = """
[models.dear]
provider = "scripted"
credits = 3

[models.free]
provider = "scripted"
credits = 0

[models.refusing]                  # where the message is no script
provider = "scripted"
credits = 5
script = [{ refuse = "overloaded" }]

[agents.dear]
model = "dear"
tools = ["calculator"]
client_tools = { confirm = { description = "Asks the user for a yes." } }

[agents.free]
model = "free"

[agents.list]
model = ["refusing", "dear", "scripted"]
"""
CALCULATE = {"call": "calculator", "args": {"expression": "6*7"}}
EXHAUSTED = (402, "CHAT_CREDITS_EXHAUSTED")
# What becomes of an answer that costs three credits -> what is paid.
PAID = {
    "all is said": ([{"text": "a"}, {"text": "b"}], 3),
    "a tool is called": ([CALCULATE, {"text": "a"}], 3),
    "two rounds with the model": ([{"text": "a"}, CALCULATE, {"text": "b"}, CALCULATE], 3),
    "nothing is said": ([], 0),
    "the model refuses": ([{"refuse": "overloaded"}], 0),
    "the model fails at once": ([{"fail": "upstream_failed"}], 0),
    "there is no such script": ([{"no": "step"}], 0),
    "the model fails before the first token": ([{"pause": 0.4}, {"fail": "crash"}], 0),
    "the model fails behind the first token": ([{"text": "a"}, {"fail": "crash"}], 3),
    "the model fails behind a thought": ([{"reasoning": "a"}, {"fail": "upstream_timeout"}], 0),
    "the model fails behind a tool": ([CALCULATE, {"fail": "overloaded"}], 3),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("credits"), config=configured(TABLES)) as running:
        yield running


def account(client: Client) -> tuple[int, int]:
    """What the key has spent, and what is held for answers under way."""
    digest = hashlib.sha256(client.key.encode()).hexdigest()
    held = "SELECT coalesce(sum(held), 0) FROM messages WHERE payer = keys.id AND status = 'running'"
    (row,) = client.server.rows(f"SELECT spent, ({held}) AS held FROM keys WHERE hash = ?", digest)
    return row["spent"], row["held"]


@pytest.mark.parametrize(("agent", "price"), [("open", 1), ("dear", 3), ("free", 0), ("list", 3)])
@pytest.mark.parametrize("budget", [None, 20])
def test_an_answer_costs_what_its_model_costs(server, agent, price, budget) -> None:
    client = Client.new(server, agent, budget=budget)
    whole = client.ask("x")
    conversation = whole["metadata"]["conversationId"]
    streamed = finished(client.chat({"message": "x", "conversationId": conversation}))
    again = answered(client.retry(conversation, streamed["messageId"]))
    assert [each["usage"] for each in (whole["metadata"], streamed, again["metadata"])] == [{"credits": price}] * 3
    answers = client.messages(conversation)[1::2]
    assert [each["metadata"]["usage"]["credits"] for each in answers] == [price] * 2
    stored = server.messages(uuid.UUID(conversation).hex)
    assert [row["credits"] for row in stored if row["role"] == "assistant"] == [price] * 3
    assert account(client) == (3 * price, 0), "what is superseded was paid for"


@pytest.mark.parametrize(
    ("agent", "budget", "answers"), [("open", 2, 2), ("dear", 8, 2), ("dear", 2, 0), ("free", 0, 9)]
)
def test_a_budget_ends_before_it_is_overdrawn(server, agent, budget, answers) -> None:
    client, unbounded = Client.new(server, agent, budget=budget), Client.new(server, agent)
    assert [client.chat({"message": "x"}).status_code for _ in range(9)] == [200] * answers + [402] * (9 - answers)
    assert account(client)[1] == 0
    assert account(client)[0] <= budget
    assert unbounded.ask("x"), "another key's budget is its own"


def test_who_has_spent_all_is_refused_before_anything_changes(server) -> None:
    client = Client.new(server, budget=1)
    answer = client.ask("x")
    conversation = answer["metadata"]["conversationId"]
    for response in (
        client.chat({"message": "y"}),
        client.chat({"message": "y", "stream": False}),
        client.chat({"message": "y", "conversationId": conversation}, format="ndjson"),
        client.page(conversation, user("m1", "y")),
        client.page(conversation, user("m1", "y"), trigger="regenerate-message", messageId=answer["id"]),
        client.retry(conversation, answer["id"]),
    ):
        assert refused(response) == EXHAUSTED
    assert client.get("/conversations")["pagination"]["total"] == 1
    assert [each["id"] for each in client.messages(conversation)] == [answer["metadata"]["userMessageId"], answer["id"]]
    assert answered(client.pause(conversation, paused=True)), "histories cost nothing"
    assert account(client) == (1, 0)


@pytest.mark.parametrize(("agent", "budget", "answers"), [("open", 5, 5), ("dear", 10, 3)])
def test_many_at_once_do_not_overdraw_a_budget(server, agent, budget, answers) -> None:
    client, question = Client.new(server, agent, budget=budget), script({"pause": 0.3}, {"text": "x"})
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(client.chat, {"message": question, "stream": n % 2 == 0}) for n in range(20)]
        statuses = sorted(each.result().status_code for each in asked)
    assert statuses == [200] * answers + [402] * (20 - answers)
    assert account(client) == (answers * {"open": 1, "dear": 3}[agent], 0)


@pytest.mark.parametrize("name", PAID)
def test_an_answer_is_paid_unless_its_model_failed_before_it_said_anything(server, name) -> None:
    steps, paid = PAID[name]
    client = Client.new(server, "dear", budget=3)
    client.chat({"message": script(*steps)})
    assert account(client) == (paid, 0)
    (conversation,) = client.get("/conversations")["data"]
    assert client.messages(conversation["id"])[1]["metadata"]["usage"] == {"credits": paid}
    assert (client.chat({"message": "x"}).status_code == 200) == (paid == 0), "what is not paid is free again"


@pytest.mark.parametrize(("steps", "wanted", "paid"), [
    ([{"text": "so far"}, {"pause": 60}], b'"so far"', 3),
    ([{"pause": 60}, {"text": "never"}], b"keep-alive", 3),
    ([CALCULATE, {"text": "so far"}, CALCULATE, {"pause": 60}], b"so far", 3),
])  # fmt: skip
def test_who_leaves_pays_for_what_a_model_has_accepted(server, steps, wanted, paid) -> None:
    client = Client.new(server, "dear", budget=3)
    with client.open(script(*steps)) as connection:
        read_until(connection, wanted)
        assert account(client) == (0, 3)
        assert refused(client.chat({"message": "x"})) == EXHAUSTED, "all is held"
    eventually(lambda: account(client) == (paid, 0))


def test_of_several_models_the_dearest_is_held_and_the_one_that_answers_is_paid(server) -> None:
    poor, rich = Client.new(server, "list", budget=4), Client.new(server, "list", budget=8)
    assert refused(poor.chat({"message": "x"})) == EXHAUSTED
    assert rich.ask("x")["metadata"]["usage"] == {"credits": 3}
    assert [account(each) for each in (poor, rich)] == [(0, 0), (3, 0)]
    stored = server.rows("SELECT model FROM messages WHERE role = 'assistant' ORDER BY created_at DESC LIMIT 1")
    assert stored[0]["model"] == "dear"


def test_a_workflow_holds_its_worst_case_and_costs_what_its_steps_asked(start, tmp_path) -> None:
    steps = """
    - {id: a, prompt: '[{"text": "a"}]'}
    - {id: b, prompt: '[{"text": "b"}]', retries: 1}
    - {id: c, prompt: '[{"text": "c"}, {"pause": 1}]', dependsOn: [a, b]}
    """
    (tmp_path / "three.yaml").write_text(f"id: 00000000-0000-4000-8000-000000000001\nname: three\nsteps:{steps}")
    tables = (
        f'{TABLES}\n[workflows]\nfiles = ["{tmp_path}/*.yaml"]\n[agents.three]\nmodel = "dear"\nworkflow = "three"\n'
    )
    server: Server = start(config=configured(tables))
    poor, rich = Client.new(server, "three", budget=11), Client.new(server, "three", budget=12)
    assert refused(poor.chat({"message": "x"})) == EXHAUSTED, "four tries could cost three credits each"
    with rich.open("x") as connection:
        read_until(connection, b'"c"')
        assert account(rich) == (0, 12)
        read_until(connection, b"[DONE]")
    assert account(rich) == (9, 0)
    assert [account(poor), refused(rich.chat({"message": "x"}))] == [(0, 0), EXHAUSTED]


def test_an_answer_that_goes_on_is_paid_for_each_time_a_model_accepts(server) -> None:
    client, chat = Client.new(server, "dear", budget=12), new_session_id()

    def bring(*steps: dict) -> tuple[int, str]:
        """What the answer has cost, and how it ended."""
        question = user(new_session_id(), script({"call": "confirm"}, *steps))
        response = client.page(chat, question)
        (call,) = (chunk["toolCallId"] for chunk in chunks(response) if "toolCallId" in chunk)
        output = {"type": "tool-confirm", "toolCallId": call, "state": "output-available", "output": "yes"}
        client.page(chat, question, assistant(finished(response)["messageId"], output))
        last = client.messages(finished(response)["conversationId"])[-1]["metadata"]
        return last["usage"]["credits"], last["finishReason"]

    assert bring({"text": "Done."}) == (6, "stop")
    assert bring({"refuse": "overloaded"}) == (3, "error")
    assert account(client) == (9, 0)


@pytest.mark.parametrize("wire", [Workers(), WorkersWhole(), WidgetStream(), WidgetWhole()], ids=repr)
def test_the_other_wires_say_in_their_own_words_that_nothing_is_left(server, wire) -> None:
    client = Client.new(server, "open", wire.key_kind, budget=1)
    caller = Caller(wire, server, client.key)
    assert wire.decode(caller.ask(script({"text": "x"})).content).text == "x"
    response = caller.ask("x")
    words = "The credits are used up"
    body = {"code": 402, "message": words, "error": words} if wire.name == "workers" else {"error": words}
    assert (response.status_code, response.json()) == (402, body)
    assert account(client) == (1, 0)


def test_a_budget_is_given_and_shown_on_the_command_line(server) -> None:
    client = Client(server, server.key("secret", "dear", "--credits", "7", "--name", "bounded"), "dear")
    assert [client.chat({"message": "x"}).status_code for _ in range(3)] == [200, 200, 402]
    (listed,) = (line for line in server.flask("keys", "list").stdout.splitlines() if line.endswith("\tbounded"))
    assert "6 of 7 credits" in listed
    for wrong in ("-1", "x"):
        command = ("keys", "create", "--kind", "secret", "--agent", "open", "--credits", wrong)
        assert server.flask(*command, check=False).returncode == 2


def test_after_a_kill_what_was_held_is_free_again(start) -> None:
    server: Server = start(config=configured(TABLES))
    client = Client.new(server, "dear", budget=3)
    with client.open(script({"text": "so far"}, {"pause": 60})) as connection:
        read_until(connection, b'"so far"')
        assert account(client) == (0, 3)
        os.kill(server.worker_pid(), signal.SIGKILL)
    eventually(lambda: requests.get(f"{server.url}/ready", timeout=5).status_code == 200, 15)
    assert account(client) == (0, 0)
    assert client.ask("x")["metadata"]["usage"] == {"credits": 3}


def test_the_command_line_leaves_alone_what_is_held(server) -> None:
    client = Client.new(server, "dear", budget=3)
    with client.open(script({"text": "so far"}, {"pause": 60})) as connection:
        read_until(connection, b'"so far"')
        server.flask("keys", "list")
        server.flask("prepare")
        assert account(client) == (0, 3)


def test_an_answer_that_a_restart_ends_is_paid(start) -> None:
    server: Server = start(config=configured(TABLES))
    client = Client.new(server, "dear", budget=3)
    with client.open(script({"text": "so far"}, {"pause": 60})) as connection:
        read_until(connection, b'"so far"')
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
    assert account(client) == (3, 0)
