"""Requests made to do harm, on every operation of every wire, by all who may and may not use it: each is answered, and
none costs those who share the server more than a moment."""

import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse

import pytest
import requests
from support.chat_wires import user_of
from support.hostile_requests import Hostile, HostileRequests, Person
from support.largest_requests import largest_requests
from support.openapi_document import OpenApiDocument
from support.torture import scaled, seed
from support.users import Person as User

from app.testing.configuration import CONFIG
from app.testing.responses import unharmed
from app.testing.server import ROOT, Server

CALLERS = 8
AT_ONCE = 2000
MOST_ERROR_BYTES = 8192
MOST_HELD = 50  # milliseconds
LARGEST_GOOD = [*largest_requests("trusting")]
TABLES = """
[agents.trusting]
model = "builtin"
client_history = true
allow_system = true

[limits]
things = "10000000/minute"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    config = CONFIG.replace("[limits]\n", TABLES).replace('"100000/minute"', '"10000000/minute"')
    env = {"PYTHONPATH": str(ROOT / "tests")}
    with Server(tmp_path_factory.mktemp("hostile"), config=config, wsgi="support.loop_probe:app", env=env) as running:
        yield running


def people(server: Server) -> Mapping[str, Sequence[Person]]:
    """Who may use each wire, with what they have made there."""
    secrets = [
        (agent, {"Authorization": f"Bearer {server.key('secret', agent)}"})
        for agent in ("open", "site", "frank", "trusting")
    ]
    widgets = [(agent, {"x-api-key": server.key("widget", agent)}) for agent in ("open", "site")]
    return {
        "agents": [Person(headers, _of_agent(server, agent, headers)) for agent, headers in secrets],
        "workers": [*(Person(headers, {}) for _, headers in secrets), Person({}, {})],
        "openai": [Person(headers, {"model": agent}) for agent, headers in secrets],
        "messages": [Person(headers, {"model": agent}) for agent, headers in secrets],
        "responses": [_of_responses(server, agent, headers) for agent, headers in secrets],
        "widget": [Person(headers, {"sessionId": "s"}) for _, headers in widgets],
        "chats": [_of_chats(server, model) for model in ("scripted", "builtin")],
        "things": [_of_things(server)],
    }


def _of_agent(server: Server, agent: str, headers: Mapping[str, str]) -> dict[str, str]:
    url, body = f"{server.url}/api/v2/agents/{agent}/chat", {"message": "Hello", "userId": "u", "stream": False}
    asked = requests.post(url, json=body, headers=headers, timeout=30).json()["data"]
    conversation = asked["metadata"]["conversationId"]
    return {"agentId": agent, "userId": "u", "conversationId": conversation, "messageId": asked["id"]}


def _of_responses(server: Server, agent: str, headers: Mapping[str, str]) -> Person:
    body = {"model": agent, "input": "Hello"}
    made = requests.post(f"{server.url}/v1/responses", json=body, headers=headers, timeout=30).json()["id"]
    return Person(headers, {"model": agent, "response_id": made, "previous_response_id": made})


def _of_chats(server: Server, model: str) -> Person:
    headers = {"Cookie": f"parlance_session={server.key('session')}"}
    user = user_of(server.url, headers["Cookie"].partition("=")[2])["id"]

    def post(path: str, body: object) -> dict[str, str]:
        made: dict[str, str] = requests.post(f"{server.url}{path}", json=body, headers=headers, timeout=30).json()
        return made

    chat = post("/api/chats", {})["id"]
    workflow = post("/api/workflows", {"name": "Say", "steps": [{"id": "a", "say": "{{ input }}"}]})["id"]
    asked = {"content": "Hello", "modelId": model, "userId": user, "workflowId": workflow}
    run = post(f"/api/chats/{chat}/messages", asked)["workflowRunId"]
    return Person(headers, {"userId": user, "chatId": chat, "workflowId": workflow, "runId": run, "modelId": model})


def _of_things(server: Server) -> Person:
    user = User.new(server)
    token = user.call("POST", "/login", user.account()).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    made = requests.post(f"{server.url}/stuff", json={"name": "x"}, headers=headers, timeout=30).json()
    return Person(headers, {"thingId": made["id"]})


@dataclass
class Told:
    """What the server has answered: how often with which status, the longest body of a refusal, and what is wrong; and
    for how long something held its loop (see `loop_probe`)."""

    statuses: Counter[int] = field(default_factory=Counter)
    longest: int = 0
    wrong: list[str] = field(default_factory=list)
    holds: list[tuple[float, str]] = field(default_factory=list)

    def add(self, sent: Hostile, status: int, body: bytes) -> None:
        self.statuses[status] += 1
        if status >= 400:
            self.longest = max(self.longest, len(body))
        if not status or (status >= 500 and status != 503) or (status >= 400 and len(body) > MOST_ERROR_BYTES):
            self.wrong.append(f"{sent.number} {sent.name}: {status}, {len(body)} bytes: {body[:200]!r}")


class Caller:
    """Sends one request after another, on a connection that is kept while the server keeps it."""

    def __init__(self, server: Server, told: Told) -> None:
        self._port, self._told = server.port, told
        self._connection: socket.socket | None = None

    def send(self, hostile: Hostile) -> None:
        kept = self._connection is not None
        try:
            self._told.add(hostile, *self._exchange(hostile.request))
        except (OSError, HTTPException) as error:
            self.close()
            if kept:  # the server closes what has been idle for some seconds
                self.send(hostile)
            else:
                self._told.add(hostile, 0, repr(error).encode())

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        self._connection = self._connection or socket.create_connection(("127.0.0.1", self._port), timeout=60)
        with suppress(ConnectionResetError, BrokenPipeError):  # it need not take a body that it has refused
            self._connection.sendall(request)
        response = HTTPResponse(self._connection, method=request.split(b" ", 1)[0].decode())
        response.begin()
        body = response.read()
        if response.will_close:
            self.close()
        return response.status, body

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def send_all(server: Server, number: int) -> Told:
    """So many requests from CALLERS at once; every AT_ONCE others take over, for chats have grown long by then."""
    told, document = Told(), OpenApiDocument(server)

    def send(made: HostileRequests, numbers: range) -> None:
        caller = Caller(server, told)
        for each in numbers:
            caller.send(made.request(each))
        caller.close()

    for first in range(0, number, AT_ONCE):
        made = HostileRequests(document, people(server), seed())
        shares = [range(first + caller, min(first + AT_ONCE, number), CALLERS) for caller in range(CALLERS)]
        with ThreadPoolExecutor(CALLERS) as pool:
            for sending in [pool.submit(send, made, share) for share in shares]:
                sending.result()
        told.holds += requests.get(f"{server.url}/probe", timeout=60).json()
    return told


@pytest.mark.timed(tries=1)
def test_no_request_harms_the_server_or_holds_up_the_others(server, record_property) -> None:
    requests.get(f"{server.url}/probe", timeout=30)
    number, started, pid = scaled(400, 100_000), time.monotonic(), server.worker_pid()
    with unharmed(server):
        told = send_all(server, number)
    listed = ", ".join(f"{times} x {status}" for status, times in sorted(told.statuses.items()))
    held = sorted(told.holds, reverse=True)
    summary = (
        f"{number:,} hostile requests in {time.monotonic() - started:.0f} s, seed {seed()}: {listed}; "
        f"the longest refusal has {told.longest} bytes; the loop was held for {held[0][0]:.1f} ms at most"
    )
    record_property("told", summary)
    assert not told.wrong, f"{summary}\n{told.wrong}"
    assert held[0][0] <= MOST_HELD, f"{summary}\n{held[:10]}"
    assert server.worker_pid() == pid


@pytest.mark.timed
@pytest.mark.parametrize(("path", "body"), [pytest.param(*each, id=name) for name, *each in LARGEST_GOOD])
def test_no_good_request_holds_up_the_others_either(server, path, body) -> None:
    headers = {"Authorization": f"Bearer {server.key('secret', 'trusting')}", "Content-Type": "application/json"}
    requests.get(f"{server.url}/probe", timeout=30)
    for _ in range(2):
        answered = requests.post(f"{server.url}{path}", data=body, headers=headers, timeout=60)
        assert answered.status_code == 200, answered.text
    held = requests.get(f"{server.url}/probe", timeout=60).json()
    assert held[0][0] <= MOST_HELD, held[:5]
