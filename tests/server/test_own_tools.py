"""Operators' own tools on a real server: what they get and return, and that one that fails, hangs or never stops
computing harms nobody."""

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from support.agents import configured
from support.processes import children_of, command_of, lives

from app.testing.server import Server, eventually, new_session_id, script
from app.tools.own.pool import MOST_PROCESSES

MODULE = """
import fcntl
import logging
import os
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

from marshmallow import Schema, fields, validate

from app.tools import ToolContext, ToolError, tool

LOCK = Path(__file__).with_name("lock")


class Order(Schema):
    number = fields.String(required=True, validate=validate.Length(1, 20))
    detailed = fields.Boolean(load_default=False)


@tool("Tells where an order is.", Order)
def where_is(context: ToolContext, number: str, detailed: bool) -> dict:
    if number == "0":
        raise ToolError("There is no such order.")
    return {"number": number, "detailed": detailed, "agent": context.agent.id, "user": context.user_id}


class Number(Schema):
    number = fields.Integer(load_default=0)


@tool("Waits in a C library, which no greenlet interrupts.", Number)
def hang(_context: ToolContext, number: int) -> str:
    with LOCK.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    return f"{number} came back"


@tool("Leaves a trace.", Number)
def note(_context: ToolContext, number: int) -> str:
    with LOCK.with_name("noted").open("a") as file:
        file.write(f"{number}\\n")
    return "noted"


@tool("Writes into the log.", Number)
def chatter(_context: ToolContext, number: int) -> str:
    logging.getLogger("shop").warning("number %s", number)
    return "said"


class Port(Schema):
    port = fields.Integer(required=True)
    number = fields.Integer()


@tool("Asks another server.", Port)
def fetch(_context: ToolContext, port: int, number: int) -> str:
    with urlopen(f"http://localhost:{port}/health", timeout=3) as answer:
        return answer.read().decode()


@tool("Sleeps.", Number)
def sleep(_context: ToolContext, number: int) -> None:
    time.sleep(number)


@tool("Waits for another program.", Number)
def start(_context: ToolContext, number: int) -> None:
    program = subprocess.Popen(["sleep", "600"])
    LOCK.with_name(f"started{number}").write_text(f"{program.pid}")
    program.wait()


@tool("Computes and computes.", Number)
def compute(_context: ToolContext, number: int) -> int:
    end = time.monotonic() + number
    while time.monotonic() < end:
        pass
    return number


class Kind(Schema):
    kind = fields.String(required=True)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("nor this")


def cyclic() -> list:
    value: list = []
    value += [value, value]
    return value


def shared() -> list:
    value: list = [1]
    for _ in range(60):
        value = [value, value]
    return value


def deep() -> list:
    value: list = []
    for _ in range(10_000):
        value = [value]
    return value


RAISED = {
    "bug": lambda: RuntimeError("password=hunter2"),
    "exit": lambda: SystemExit(3),
    "interrupt": KeyboardInterrupt,
    "unspeakable": Unspeakable,
    "long reason": lambda: ToolError("x" * 100_000),
    "odd reason": lambda: ToolError("\\ud800"),
}
RETURNED = {
    "end": lambda: os._exit(0),
    "print": lambda: print("printed") or "told",
    "object": object,
    "set": lambda: {1},
    "bytes": lambda: b"x",
    "key": lambda: {1: 2},
    "nan": lambda: float("nan"),
    "number": lambda: 10**5000,
    "surrogate": lambda: "\\ud800",
    "generator": lambda: (1 for _ in iter(int, 1)),
    "cyclic": cyclic,
    "shared": shared,
    "deep": deep,
    "large": lambda: "x" * 40_000,
    "many": lambda: [1] * 40_000,
    "function": lambda: where_is,
    "just right": lambda: "x" * 32_766,
}


@tool("Does what no tool should do.", Kind)
def rubbish(_context: ToolContext, kind: str) -> object:
    if kind in RAISED:
        raise RAISED[kind]()
    return RETURNED[kind]()
"""
SLOW = ("hang", "sleep", "compute", "note", "start")
NAMES = ("where_is", "rubbish", "chatter", "fetch", *SLOW)
LIMIT = 4  # seconds, for those that are slow: a process needs some to start
TABLES = "".join(f'[tools.{name}]\nfunction = "shop:{name}"\n' for name in NAMES)
for name in SLOW:
    TABLES = TABLES.replace(f'"shop:{name}"\n', f'"shop:{name}"\nseconds = {LIMIT}\n')
for name in ("chatter", "fetch"):  # which start all processes at once
    TABLES = TABLES.replace(f'"shop:{name}"\n', f'"shop:{name}"\nseconds = 25\n')
TABLES += f"""
[agents.shop]
model = "scripted"
tools = ["clock", {", ".join(f'"{name}"' for name in NAMES)}]
"""


class Shop(Server):
    """A server with tools of its own beside its configuration."""

    def prepare(self) -> "Shop":
        (self.home / "shop.py").write_text(MODULE)
        (self.home / "lock").touch()
        return self

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """While the tool `hang` does not come back."""
        with (self.home / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def post(self, *calls: dict[str, Any], key: str = "") -> requests.Response:
        return requests.post(
            f"{self.url}/v1/chat",
            json={"sessionId": new_session_id(), "message": script(*calls, {"text": "done"})},
            headers={"x-api-key": key or self.widget_key},
            timeout=30,
        )

    def results(self, *calls: dict[str, Any], key: str = "") -> list[tuple[bool, Any]]:
        """Of each call in a turn that goes well: whether it failed, and what came back; in their order."""
        response = self.post(*calls, key=key)
        assert response.status_code == 200, response.text
        assert response.json()["message"] == "done"
        *_, answer = self.messages(response.json()["conversationId"])
        parts = [part for part in answer["parts"] if part["type"] == "tool-result"]
        by_call = {part["toolCallId"]: (part["isError"], part["output"]) for part in parts}
        return [by_call[call_id] for call_id in sorted(by_call)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    with Shop(tmp_path_factory.mktemp("shop"), config=configured(TABLES)).prepare() as running:
        running.widget_key = running.key("widget", "shop")
        pid = running.worker_pid()
        yield running
        assert running.worker_pid() == pid, "a tool brought the worker down"


def call(name: str, **args: Any) -> dict[str, Any]:
    return {"call": name, "args": args}


TOO_LATE = (True, f"The tool took longer than {LIMIT} seconds.")


def test_a_function_is_called_with_its_checked_arguments_and_returns_what_a_model_may_read(shop) -> None:
    found = {"number": "7", "detailed": False, "agent": "shop", "user": None}
    assert shop.results(call("where_is", number="7")) == [(False, found)]
    assert shop.results(call("where_is", number="0")) == [(True, "There is no such order.")]


@pytest.mark.parametrize("args", [{}, {"number": 7}, {"number": ""}, {"number": "7", "other": 1}, {"context": "x"}])
def test_arguments_that_its_schema_does_not_take_never_reach_the_function(shop, args) -> None:
    ((failed, reason),) = shop.results(call("where_is", **args))
    assert failed
    assert reason.startswith("The arguments are wrong: ")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        *((kind, "The tool failed.") for kind in ("bug", "exit", "interrupt", "unspeakable", "odd reason")),
        *((kind, "The tool failed.") for kind in ("object", "set", "bytes", "key", "nan", "number", "surrogate")),
        *((kind, "The tool failed.") for kind in ("generator", "function")),
        *((kind, "The result is nested too deeply.") for kind in ("cyclic", "deep")),
        *((kind, "The result is too large.") for kind in ("shared", "large", "many", "long reason")),
    ],
)
def test_a_tool_that_raises_or_returns_rubbish_is_a_failed_result(shop, kind, reason) -> None:
    assert shop.results(call("rubbish", kind=kind)) == [(True, reason)]


def test_what_a_tool_prints_or_logs_is_in_the_log(shop) -> None:
    assert shop.results(call("rubbish", kind="print")) == [(False, "told")]
    assert shop.results(call("chatter", number=4711)) == [(False, "said")]
    assert eventually(lambda: "printed" in shop.log_text() and "number 4711" in shop.log_text())


def test_a_result_of_just_the_allowed_size_comes_back(shop) -> None:
    assert shop.results(call("rubbish", kind="just right")) == [(False, "x" * 32_766)]


def test_calls_side_by_side_may_use_the_network(shop) -> None:
    calls = [call("fetch", port=shop.port, number=number) for number in range(MOST_PROCESSES)]
    assert shop.results(*calls) == [(False, requests.get(f"{shop.url}/health", timeout=30).text)] * MOST_PROCESSES


def test_why_a_tool_failed_is_in_the_log_and_nowhere_else(shop) -> None:
    response = shop.post(call("rubbish", kind="bug"))
    assert "hunter2" not in response.text
    assert any("hunter2" in str(line) for line in shop.log("tool rubbish failed"))


def test_tools_that_do_not_return_are_cut_and_hold_up_nobody(shop) -> None:
    answered: list[tuple[bool, Any]] = []
    calls = [call("hang"), call("sleep", number=60), call("compute", number=60), call("clock")]
    with shop.hanging():
        caller = threading.Thread(target=lambda: answered.extend(shop.results(*calls)))
        caller.start()
        slowest, asked = 0.0, 0
        while caller.is_alive():
            begun = time.monotonic()
            assert requests.get(f"{shop.url}/health", timeout=30).status_code == 200
            slowest, asked = max(slowest, time.monotonic() - begun), asked + 1
    *cut, (failed, _) = answered
    assert cut == [TOO_LATE] * 3
    assert not failed
    assert asked > 10
    assert slowest < LIMIT / 2


def test_a_program_that_a_tool_has_started_ends_with_the_tool(shop) -> None:
    assert shop.results(call("start", number=1)) == [TOO_LATE]
    pid = int((shop.home / "started1").read_text())
    eventually(lambda: not lives(pid))


def test_where_all_processes_are_busy_further_calls_fail_at_their_limit_and_are_not_made_later(shop) -> None:
    calls = [call("hang", number=number) for number in range(MOST_PROCESSES)]
    with shop.hanging():
        assert shop.results(*calls, call("note", number=1)) == [TOO_LATE] * (MOST_PROCESSES + 1)
        assert shop.results(call("note", number=2)) == [(False, "noted")], "what was cut gives its place back"
    assert (shop.home / "noted").read_text() == "2\n"


@pytest.mark.timed  # a process has to start within the time of a call
def test_a_caller_whose_calls_hang_takes_no_place_from_another(shop) -> None:
    calls = [call("hang", number=number) for number in range(2 * MOST_PROCESSES)]
    other = shop.key("widget", "shop")
    assert shop.results(call("where_is", number="7"), key=other), "a process has started"
    with shop.hanging():
        greedy = threading.Thread(target=lambda: shop.post(*calls))
        greedy.start()
        time.sleep(0.5)
        assert shop.results(call("note", number=3), call("note", number=4), key=other) == [(False, "noted")] * 2
        greedy.join()


def test_a_process_that_ends_is_replaced(shop) -> None:
    assert shop.results(call("rubbish", kind="end")) == [(True, "The tool failed.")]
    assert shop.results(call("rubbish", kind="just right")) == [(False, "x" * 32_766)]


def test_a_process_that_has_ended_between_two_calls_fails_none_of_them(shop) -> None:
    found = [(False, {"number": "7", "detailed": False, "agent": "shop", "user": None})]
    assert shop.results(call("where_is", number="7")) == found
    idle = [pid for pid in children_of(shop.worker_pid()) if "app.tools.own.process_main" in command_of(pid)]
    assert idle
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(lives(pid) for pid in idle))
    assert shop.results(call("where_is", number="7")) == found


def test_a_program_that_a_tool_has_started_does_not_outlive_the_server(tmp_path) -> None:
    with Shop(tmp_path, config=configured(TABLES)).prepare() as server:
        server.widget_key = server.key("widget", "shop")
        for number, end in enumerate((lambda: os.kill(server.worker_pid(), signal.SIGKILL), server.stop)):
            caller = threading.Thread(target=post_quietly, args=(server, call("start", number=number)))
            caller.start()
            started = server.home / f"started{number}"
            pid = int(eventually(lambda file=started: file.exists() and file.read_text(), 20))
            end()
            caller.join()
            eventually(lambda gone=pid: not lives(gone), 10)


def test_a_server_stops_while_a_tool_hangs_and_no_process_outlives_it(tmp_path) -> None:
    with Shop(tmp_path, config=configured(TABLES)).prepare() as server, server.hanging():
        server.widget_key = server.key("widget", "shop")
        for end in (lambda: os.kill(server.worker_pid(), signal.SIGKILL), server.stop):
            caller = threading.Thread(target=post_quietly, args=(server, call("hang")))
            caller.start()
            children = eventually(lambda: children_of(server.worker_pid()), 20)
            begun = time.monotonic()
            end()
            caller.join()
            assert time.monotonic() - begun < 15
            eventually(lambda gone=children: not any(lives(pid) for pid in gone), 10)


def post_quietly(server: Shop, *calls: Any) -> None:
    with contextlib.suppress(requests.RequestException):
        server.post(*calls)
