"""A real server tells receivers that fail in every way, and loses nothing; whichever of its workers is killed."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
from standardwebhooks import Webhook
from support.agents import Client, configured

from app.testing.model_server import CUT, RESET, SILENCE, ModelServer, Request, whole
from app.testing.server import Server, eventually, script

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OK = whole(b"")
HELLO = script({"text": "Hello"})


def config(events: str, *names: str) -> str:
    tables = [
        f'[webhooks.{name}]\nurl = "{{{name}}}"\nsecret_env = "HOOK_SECRET"\nprivate = true\nevents = [{events}]\n'
        for name in names
    ]
    return "\n".join(tables)


@pytest.fixture(scope="module", autouse=True)
def secret() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_SECRET", SECRET)
        yield


@pytest.fixture(scope="module")
def receivers() -> Iterator[tuple[ModelServer, ModelServer, ModelServer]]:
    with ModelServer() as failing, ModelServer() as steady, ModelServer() as whole_story:
        yield failing, steady, whole_story


@pytest.fixture(scope="module")
def server(receivers, tmp_path_factory) -> Iterator[Server]:
    failing, steady, everything = receivers
    tables = (
        config('"conversation.started"', "failing", "steady").format(failing=failing.url, steady=steady.url)
        + f'[webhooks.everything]\nurl = "{everything.url}"\nsecret_env = "HOOK_SECRET"\nprivate = true\n'
        + 'agents = ["site", "broken"]\n[models.broken]\nprovider = "openai"\nmodel = "x"\n'
        + 'base_url = "http://127.0.0.1:9/v1"\n[agents.broken]\nmodel = "broken"\n'
    )
    changes = {"circuit_failures = 1000000 ": "circuit_failures = 2 "}
    with Server(tmp_path_factory.mktemp("telling"), config=configured(tables), changes=changes) as running:
        yield running


@pytest.fixture
def quiet(server, receivers) -> tuple[ModelServer, ModelServer, ModelServer]:
    """The receivers, which take everything, and nothing waits."""
    server.write("DELETE FROM deliveries")
    for receiver in receivers:
        receiver.play(OK)
    return receivers


def told(receiver: ModelServer) -> list[dict]:
    """What it was told, each verified as its owner would."""
    return [Webhook(SECRET).verify(each.data, dict(each.headers)) for each in [*receiver.requests]]


def ids(requests: list[Request]) -> Counter[str]:
    return Counter(each.headers["webhook-id"] for each in requests)


def waiting(server: Server, webhook: str) -> int:
    query = "SELECT count(*) FROM deliveries WHERE delivered_at IS NULL AND webhook = ?"
    return int(server.rows(query, webhook)[0][0])


def make_due(server: Server) -> None:
    """As if the pauses, and the claims of who is dead, were over."""
    server.write("UPDATE deliveries SET next_at = 1 WHERE next_at IS NOT NULL AND worker IS NULL")


def test_each_event_is_told_by_what_callers_do(server, quiet) -> None:
    *_, receiver = quiet
    client = Client.new(server, "site")
    asked = client.ask("Which moon of Jupiter is the largest?", userId="ada")
    client.rate(asked["metadata"]["conversationId"], asked["id"], "negative")
    client.ask("Can I talk to a human?")
    poor = Client.new(server, "site", budget=0)
    assert [poor.chat({"message": "hi"}).status_code for _ in range(3)] == [402] * 3
    broken = Client.new(server, "broken")
    assert {broken.chat({"message": "hi"}).status_code for _ in range(3)} <= {502, 503}
    eventually(lambda: {each["type"] for each in told(receiver)} >= {"model.circuit_opened", "budget.exhausted"}, 15)
    eventually(lambda: not waiting(server, "everything"), 10)
    counted = Counter(each["type"] for each in told(receiver))
    assert counted.pop("conversation.started") >= 2
    assert counted == {
        "question.unanswered": 1,
        "handover.requested": 1,
        "feedback.negative": 1,
        "budget.exhausted": 1,
        "model.circuit_opened": 1,
    }
    (data,) = [each["data"] for each in told(receiver) if each["type"] == "question.unanswered"]
    assert (data["agent"], data["channel"], data["end_user"]) == ("site", "agents", "ada")
    assert data["question"] == "Which moon of Jupiter is the largest?"
    assert client.key not in "".join(each.data.decode() for each in receiver.requests)


def openai_round(number: int) -> list[dict]:
    call = {"id": f"c{number}", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": f"c{number}", "content": "nothing"}
    return [{"role": "assistant", "content": "", "tool_calls": [call]}, result]


def messages_round(number: int) -> list[dict]:
    call = {"type": "tool_use", "id": f"c{number}", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": f"c{number}", "content": "nothing"}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


def responses_round(number: int) -> list[dict]:
    call = {"type": "function_call", "call_id": f"c{number}", "name": "look", "arguments": "{}"}
    return [call, {"type": "function_call_output", "call_id": f"c{number}", "output": "nothing"}]


@pytest.mark.parametrize(
    ("path", "tool_round"),
    [
        ("/v1/chat/completions", openai_round),
        ("/v1/messages", messages_round),
        ("/v1/responses", responses_round),
        ("/api/chat", openai_round),
    ],
)
def test_a_talk_of_several_rounds_of_tools_is_told_of_once(server, quiet, path, tool_round) -> None:
    *_, receiver = quiet
    field = "input" if path == "/v1/responses" else "messages"
    more = {} if path == "/api/chat" else {"model": "site", "max_tokens": 50, "stream": False}
    headers = {"Authorization": f"Bearer {Client.new(server, 'site').key}"}
    talk = [{"role": "user", "content": "Can I talk to a human?"}]
    for number in range(3):
        answer = requests.post(f"{server.url}{path}", json=more | {field: talk}, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        talk = [*talk, *tool_round(number)]
    eventually(lambda: not waiting(server, "everything"))
    assert Counter(each["type"] for each in told(receiver)) == {"conversation.started": 1, "handover.requested": 1}


def test_a_talk_of_a_caller_without_a_key_begins_once(server, quiet) -> None:
    _, receiver, _ = quiet
    talk = [{"role": "user", "content": HELLO}]
    for behind in ([], [{"role": "assistant", "content": "Hello"}, *talk]):
        answer = requests.post(f"{server.url}/api/chat", json={"messages": [*talk, *behind]}, timeout=20)
        assert answer.status_code == 200, answer.text
    eventually(lambda: not waiting(server, "steady"))
    assert len(told(receiver)) == 1


def test_nothing_is_lost_at_a_receiver_that_fails_in_every_way_and_comes_back(server, quiet) -> None:
    failing, steady, _ = quiet
    with ModelServer() as elsewhere:
        redirect = whole(b"", 307, location=f"{elsewhere.url}/")
        failing.play(whole(b"", 500), [CUT], [RESET], redirect, [b"no HTTP\r\n\r\n", CUT], [SILENCE], OK)
        failing.always, back = lambda _: whole(b"", 503), failing.always
        client = Client.new(server)
        for _ in range(8):
            client.ask(HELLO)
        eventually(lambda: not waiting(server, "steady"))
        assert len(steady.requests) == 8
        query = "SELECT count(*) FROM deliveries WHERE webhook = 'failing' AND tried_at > 0"
        eventually(lambda: server.rows(query)[0][0] == 8, 20)
        for next_at, tried_at in server.rows(
            "SELECT next_at, tried_at FROM deliveries WHERE webhook = 'failing' AND attempts = 1"
        ):
            assert 4000 <= next_at - tried_at <= 6000, "the first pause of back-off"
        failing.always = back
        make_due(server)
        eventually(lambda: not waiting(server, "failing"), 20)
        assert not elsewhere.requests, "no redirect is followed"
    assert {*ids(failing.requests)} == {
        row[0] for row in server.rows("SELECT id FROM deliveries WHERE webhook = 'failing'")
    }
    assert len(ids(failing.requests)) == 8


def test_a_pause_is_kept_though_nobody_looks(server, quiet) -> None:
    failing, *_ = quiet
    failing.play(whole(b"", 500), OK)
    Client.new(server).ask(HELLO)
    failing.wait_for_request(2, 15)
    ((tried_at, delivered_at),) = server.rows(
        "SELECT tried_at, delivered_at FROM deliveries WHERE webhook = 'failing' AND delivered_at > 0"
    ) or eventually(
        lambda: server.rows("SELECT tried_at, delivered_at FROM deliveries WHERE webhook='failing' AND delivered_at>0")
    )
    assert 4000 <= delivered_at - tried_at <= 9000


def test_a_worker_that_is_killed_before_it_has_delivered_loses_nothing(server, quiet) -> None:
    failing, *_ = quiet
    failing.play([SILENCE])
    for _ in range(3):
        Client.new(server).ask(HELLO)
    failing.wait_for_request(3)
    before = ids(failing.requests)
    killed = server.worker_pid()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: server.worker_pids() and killed not in server.worker_pids(), 20)
    failing.play(OK)
    claimed = server.rows("SELECT next_at - created_at FROM deliveries WHERE webhook = 'failing'")
    assert all(0 < row[0] < 120_000 for row in claimed), "the dead worker's claims have an end"
    server.write("UPDATE deliveries SET next_at = 1 WHERE webhook = 'failing'")
    eventually(lambda: not waiting(server, "failing"), 20)
    assert {*ids(failing.requests)} == {*before}


def test_operators_see_test_and_retry(server, quiet) -> None:
    failing, *_ = quiet
    failing.play(whole(b"no such hook", 410))
    Client.new(server).ask(HELLO)
    eventually(lambda: server.rows("SELECT 1 FROM deliveries WHERE failed_at > 0"))
    eventually(lambda: not waiting(server, "steady"))
    listed = {line.split("\t")[0]: line.split("\t") for line in server.flask("webhooks", "list").stdout.splitlines()}
    assert [*listed] == ["failing", "steady", "everything"]
    assert listed["failing"][1:5] == ["127.0.0.1", "0 waiting", "1 failed", "nothing delivered"]
    assert listed["failing"][5].startswith("failing since 20")
    assert listed["failing"][6] == "status 410"
    assert listed["steady"][2:4] == ["0 waiting", "0 failed"]
    assert listed["steady"][5:] == ["not failing"]
    ran = server.flask("webhooks", "test", "failing", check=False)
    assert (ran.returncode, ran.stdout) == (1, "410\tno such hook\n")
    failing.play(whole(b"welcome", 202))
    assert server.flask("webhooks", "test", "failing").stdout == "202\twelcome\n"
    assert told(failing)[0]["type"] == "webhook.test"
    assert server.flask("webhooks", "retry", "failing").stdout == "1\n"
    eventually(lambda: not waiting(server, "failing"))
    states = json.loads(server.flask("webhooks", "list", "--json").stdout)
    assert [(each["webhook"], each["waiting"], each["failed"]) for each in states] == [
        ("failing", 0, 0),
        ("steady", 0, 0),
        ("everything", 0, 0),
    ]
    assert {each["host"] for each in states} == {"127.0.0.1"}
    assert datetime.fromisoformat(states[0]["delivered_at"]).tzinfo == UTC
    assert states[0]["failing_since"] is None


def test_two_workers_send_each_once(running_redis, tmp_path) -> None:
    with ModelServer() as receiver:
        receiver.play(OK)
        tables = config('"conversation.started"', "desk").format(desk=receiver.url)
        env = {"WEB_CONCURRENCY": "2", "REDIS_URL": running_redis.url}
        with Server(tmp_path / "two", config=configured(tables), env=env) as server:
            eventually(lambda: len(server.worker_pids()) == 2, 20)
            client = Client.new(server)
            with ThreadPoolExecutor(10) as pool:  # so many at once reach both
                assert len([*pool.map(lambda _: client.ask(HELLO), range(30))]) == 30
            eventually(lambda: not waiting(server, "desk"), 20)
            senders = {row[0] for row in server.rows("SELECT worker FROM messages WHERE role = 'assistant'")}
            assert len(senders) == 2
        counted = ids(receiver.requests)
        assert (len(counted), {*counted.values()}) == (30, {1})
