"""A caller who leaves while a tool runs ends the turn at once: a real search for knowledge, which waits for an index.

The first index is built once no other process holds the lock of the indexes: the tests hold it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests
from support.wires import WIRES

from app.knowledge.building.folder import IndexFolder
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


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def started(model_server, tmp_path_factory) -> Iterator[tuple[Server, Callable[[], None]]]:
    """A server whose searches wait, for as long as they do, and what lets the index be built."""
    folder = tmp_path_factory.mktemp("relay")
    (folder / "harbour.md").write_text(f"# Harbour\n\n{FOUND}\n")
    (folder / "instance").mkdir(mode=0o700)
    agent = f"""
[models.local]
provider = "openai"
base_url = "{model_server.url}/v1"
model = "m-1"

[agents.local]
model = "local"
tools = ["knowledge"]
knowledge = ["harbour.md"]
public = true                         # so people who sign in reach it

[agents.looked-up]                    # what it knows is looked up before its model is asked
model = "scripted"
knowledge = ["harbour.md"]
"""
    with ExitStack() as held:
        held.enter_context(IndexFolder(folder / "instance").locked())
        with Server(folder, config=CONFIG.replace("public = true", "") + agent) as running:
            yield running, held.close


@pytest.fixture(scope="module")
def relay(started) -> Server:
    return started[0]


@pytest.fixture(scope="module")
def keys(relay) -> dict[str, str]:
    return {kind: relay.key(kind, "local") for kind in CREDENTIAL_KINDS}


def play(model_server: ModelServer) -> None:
    """It says something, searches, and says what it found."""
    call = OPENAI.call(0, "knowledge", {"query": QUERY})
    search = [*streamed(OPENAI.text("so far"), call, OPENAI.end("tool_calls")), LAST]
    model_server.play(search, OPENAI.answer("At noon."))


@every_wire
def test_a_caller_who_leaves_while_a_tool_runs_ends_the_turn(model_server, relay, keys, wire: WireClient) -> None:
    play(model_server)
    caller = Caller(wire, relay, keys[wire.key_kind])
    question = f"{wire} leaves"
    with caller.open(question) as connection:
        if wire.streamed:
            read_until(connection, b"so far")
        model_server.wait_for_request()
        time.sleep(0.3)  # the search begins
        left = time.monotonic()
    answered = eventually(lambda: caller.stored(question)[1:])[0]
    assert time.monotonic() - left < SECONDS, "the search would have waited for seconds"
    assert (answered["status"], answered["text"]) == ("interrupted", "so far")
    assert [part["type"] for part in answered["parts"]] == ["text", "tool-call"]
    assert len(model_server.requests) == 1, "nobody tells the model what nobody waits for"
    assert eventually(lambda: streams(relay) == 0)


def streams(relay: Server) -> int:
    return int(requests.get(f"{relay.url}/ready", timeout=5).json()["checks"]["streams"])


@pytest.fixture(scope="module")
def looking(relay) -> Caller:
    return Caller(WIRES[0], relay, relay.key("secret", "looked-up"))


def test_a_caller_who_leaves_while_knowledge_is_looked_up_ends_the_turn(relay, looking) -> None:
    with looking.open("leaves the search"):
        assert eventually(lambda: streams(relay) == 1)
        left = time.monotonic()
    answered = eventually(lambda: looking.stored("leaves the search")[1:])[0]
    assert time.monotonic() - left < SECONDS
    assert (answered["status"], answered["parts"]) == ("interrupted", [])
    assert eventually(lambda: streams(relay) == 0)


def test_knowledge_that_is_not_there_in_time_is_done_without(looking) -> None:
    began = time.monotonic()
    answer = looking.wire.decode(looking.ask("waits for the search").content)
    assert (answer.text, answer.ended) == ("Hello", True)
    assert 4 < time.monotonic() - began < 8


def test_a_caller_who_stays_is_kept_company_and_gets_what_the_tool_found(model_server, started, keys) -> None:
    """The last test: the index is there from now on."""
    relay, let_it_be_built = started
    play(model_server)
    wire = WIRES[0]
    with Caller(wire, relay, keys[wire.key_kind]).open("stays") as connection:
        read_until(connection, b": keep-alive")
        let_it_be_built()
        assert b"At noon." in read_all(connection)
    assert FOUND in model_server.requests[1].json["messages"][-1]["content"]
