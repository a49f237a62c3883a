"""A caller who leaves while a tool runs ends the turn at once: a real search for knowledge, on a disk that hangs.

Whoever opens a file waits while another process holds a lease on it (fcntl(2), F_SETLEASE). So the file that the
tool reads is as slow as a test wants it.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.wires import WIRES

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import LAST, ModelServer, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually
from app.testing.sockets import read_all, read_until
from app.testing.wire_client import CREDENTIAL_KINDS, WireClient

SECONDS = 0.2  # 0.1 promised, as much again for scheduling
QUERY = "harbour"
FOUND = "Ships come to the harbour at noon."

pytestmark = pytest.mark.timed
every_wire = pytest.mark.parametrize("wire", WIRES, ids=repr)


class Disk:
    """With a file that nobody can open while the disk hangs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "harbour.md"
        self.file.write_text(f"# Harbour\n\n{FOUND}\n")
        self._descriptor = -1

    def hang(self) -> None:
        self.file.write_text(self.file.read_text() + "\n")  # so that the tool reads it anew
        self._descriptor = os.open(self.file, os.O_RDWR)
        deadline = time.monotonic() + 10
        while True:
            try:
                fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            except BlockingIOError:  # the search of the test before this one has it open still
                assert time.monotonic() < deadline, "somebody keeps the file open"
                time.sleep(0.02)
            except OSError as error:
                self.recover()
                pytest.skip(f"the file system of {self.file} gives no leases: {error}")
            else:
                return

    def somebody_waits(self) -> bool:
        return fcntl.fcntl(self._descriptor, fcntl.F_GETLEASE) != fcntl.F_WRLCK

    def recover(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@pytest.fixture(scope="module")
def slow_file(tmp_path_factory) -> Disk:
    return Disk(tmp_path_factory.mktemp("disk"))


@pytest.fixture
def disk(slow_file) -> Iterator[Disk]:
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # "somebody waits for your file"; it would end the process
    slow_file.hang()
    yield slow_file
    slow_file.recover()
    signal.signal(signal.SIGIO, before)


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def relay(slow_file, model_server, tmp_path_factory) -> Iterator[Server]:
    agent = f"""
[models.local]
provider = "openai"
base_url = "{model_server.url}/v1"
model = "m-1"

[agents.local]
model = "local"
tools = ["knowledge"]
knowledge = ["{slow_file.file}"]
public = true                         # so people who sign in reach it

[agents.looked-up]                    # what it knows is looked up before its model is asked
model = "scripted"
knowledge = ["{slow_file.file}"]
"""
    with Server(tmp_path_factory.mktemp("relay"), config=CONFIG.replace("public = true", "") + agent) as running:
        yield running


@pytest.fixture(scope="module")
def keys(relay) -> dict[str, str]:
    return {kind: relay.key(kind, "local") for kind in CREDENTIAL_KINDS}


def play(model_server: ModelServer) -> None:
    """It says something, searches, and says what it found."""
    call = OPENAI.call(0, "knowledge", {"query": QUERY})
    search = [*streamed(OPENAI.text("so far"), call, OPENAI.end("tool_calls")), LAST]
    model_server.play(search, OPENAI.answer("At noon."))


@every_wire
def test_a_caller_who_leaves_while_a_tool_runs_ends_the_turn(model_server, relay, keys, disk, wire: WireClient) -> None:
    play(model_server)
    caller = Caller(wire, relay, keys[wire.key_kind])
    question = f"{wire} leaves"
    with caller.open(question) as connection:
        if wire.streamed:
            read_until(connection, b"so far")
        eventually(disk.somebody_waits)
        left = time.monotonic()
    answered = eventually(lambda: caller.stored(question)[1:])[0]
    assert time.monotonic() - left < SECONDS
    assert (answered["status"], answered["text"]) == ("interrupted", "so far")
    assert [part["type"] for part in answered["parts"]] == ["text", "tool-call"]
    assert disk.somebody_waits(), "the tool itself has not come back"
    assert len(model_server.requests) == 1, "nobody tells the model what nobody waits for"
    assert eventually(lambda: streams(relay) == 0)


def streams(relay: Server) -> int:
    return int(requests.get(f"{relay.url}/ready", timeout=5).json()["checks"]["streams"])


def test_a_caller_who_stays_is_kept_company_and_gets_what_the_tool_found(model_server, relay, keys, disk) -> None:
    play(model_server)
    wire = WIRES[0]
    with Caller(wire, relay, keys[wire.key_kind]).open("stays") as connection:
        read_until(connection, b": keep-alive")
        assert disk.somebody_waits()
        disk.recover()
        assert b"At noon." in read_all(connection)
    assert FOUND in model_server.requests[1].json["messages"][-1]["content"]


@pytest.fixture(scope="module")
def looking(relay) -> Caller:
    return Caller(WIRES[0], relay, relay.key("secret", "looked-up"))


def test_a_caller_who_leaves_while_knowledge_is_looked_up_ends_the_turn(relay, looking, disk) -> None:
    with looking.open("leaves the search"):
        eventually(disk.somebody_waits)
        left = time.monotonic()
    answered = eventually(lambda: looking.stored("leaves the search")[1:])[0]
    assert time.monotonic() - left < SECONDS
    assert (answered["status"], answered["parts"]) == ("interrupted", [])
    assert eventually(lambda: streams(relay) == 0)


def test_knowledge_that_cannot_be_read_in_time_is_done_without(looking, disk) -> None:
    started = time.monotonic()
    answer = looking.wire.decode(looking.ask("waits for the search").content)
    assert (answer.text, answer.ended) == ("Hello", True)
    assert disk.somebody_waits()
    assert 4 < time.monotonic() - started < 8
