"""Model servers behind TLS, with the real server: only there do encrypted reads make way for other streams."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.wires import WIRES

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import LAST, SILENCE, ModelServer, Request, chunk, head, make_certificate, streamed
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi
from app.testing.server import Server
from app.testing.sockets import read_until
from app.testing.wire_client import ERROR_MESSAGES

LATE = 0.5  # a tick of the clock, and what a busy machine takes
FLOOD_SECONDS = 2.5
WIRE = WIRES[0]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def model_server(certificate) -> Iterator[ModelServer]:
    with ModelServer(certificate) as running:
        yield running


@pytest.fixture(scope="module")
def relay(model_server, certificate, tmp_path_factory) -> Iterator[Server]:
    added = "".join(
        f"""
[models.{api}]
provider = "{api}"
base_url = "{model_server.url}/v1"
model = "m-1"
ca_file = "{certificate}"
timeouts = {{first_token = 0.8, between_tokens = 0.8, total = 1.5}}

[agents.{api}]
model = "{api}"
"""
        for api in PROVIDER_APIS
    )
    with Server(tmp_path_factory.mktemp("relay"), config=CONFIG + added) as running:
        yield running


@pytest.fixture(scope="module")
def keys(relay) -> dict[str, str]:
    return {f"{api}": relay.key(WIRE.key_kind, f"{api}") for api in PROVIDER_APIS}


@pytest.fixture
def caller(relay, keys, api: ProviderApi) -> Caller:
    return Caller(WIRE, relay, keys[f"{api}"])


every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


@every_api
def test_answers_come_over_one_encrypted_connection(model_server, caller, api: ProviderApi) -> None:
    model_server.play(api.answer("so ", "far"))
    for _ in range(3):
        told = WIRE.decode(caller.ask("Hi").content)
        assert (told.text, told.ended, told.error) == ("so far", True, None)
    assert len({request.connection for request in model_server.requests}) == 1


@every_api
def test_an_answer_may_come_in_records_of_one_byte_or_of_many(model_server, caller, api: ProviderApi) -> None:
    raw = b"".join(step for step in api.answer("so ", "far", "!" * 100_000) if isinstance(step, bytes))
    model_server.play([raw[at : at + 1] for at in range(900)] + [raw[900:]], [raw])
    for _ in range(2):
        assert WIRE.decode(caller.ask("Hi").content).text == "so far" + "!" * 100_000


SILENT = {"at once": (0.8, "", 2), "behind a token": (0.8, "x", 2), "while comments come": (0.8, "", 2)}


@pytest.mark.timed
@every_api
@pytest.mark.parametrize("name", SILENT)
def test_silence_is_heard_and_ends_at_its_limit(model_server, caller, api: ProviderApi, name) -> None:
    seconds, text, beats = SILENT[name]
    comments = [chunk(b": x\n\n"), 0.05] * 99 if "comments" in name else [SILENCE]
    model_server.play([*streamed(api.begin, *[api.text(text)] * bool(text)), *comments])
    begun = time.monotonic()
    told = WIRE.decode(caller.ask("Hi").content)
    assert seconds - 0.05 < time.monotonic() - begun < seconds + LATE
    assert (told.text, told.ended, told.error, told.keep_alives) == (text, True, ERROR_MESSAGES[504], beats)


@pytest.mark.timed
@every_api
@pytest.mark.parametrize("speaks", [False, True], ids=["silent", "speaking"])
def test_a_caller_who_leaves_closes_the_encrypted_connection_at_once(model_server, caller, api, speaks) -> None:
    rest = [chunk(api.text("x")), 0.02] * 500 if speaks else [SILENCE]
    model_server.play([*streamed(api.begin, api.text("so far")), *rest])
    with caller.open("Hi") as connection:
        read_until(connection, b"so far")
        left = time.monotonic()
    asked = model_server.wait_for_request()
    assert asked.closed.wait(5)
    assert asked.closed_at - left < 0.2


FLOODS = {
    "pings": lambda _: chunk(b": x\n\n" * 9_000),
    "tokens": lambda api: chunk(api.text("word ") * 500),
    "one event": lambda _: chunk(b"x" * 60_000),
}


@pytest.mark.alone
@every_api
@pytest.mark.parametrize("name", FLOODS)
def test_an_encrypted_flood_ends_at_its_limit_and_stops_nobody_else(model_server, caller, api, name) -> None:
    over = threading.Event()

    def flood(_: Request) -> Iterator[bytes]:
        yield from streamed(api.begin, b"data: " * (name == "one event"))
        until = time.monotonic() + FLOOD_SECONDS
        yield from itertools.takewhile(lambda _: time.monotonic() < until, itertools.repeat(FLOODS[name](api)))

    model_server.play([SILENCE])
    model_server.always = flood
    longest = 0.0
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        asking = pool.submit(caller.ask, "Hi")
        asking.add_done_callback(lambda _: over.set())
        while not over.wait(0.01):
            asked = time.monotonic()
            assert requests.get(f"{caller.server.url}/health", timeout=20).ok
            longest = max(longest, time.monotonic() - asked)
        took = time.monotonic() - begun
    response = asking.result()  # a machine that takes the whole flood before the first heartbeat answers with a status
    error = WIRE.decode(response.content).error if response.ok else response.json()["message"]
    assert error in (ERROR_MESSAGES[502], ERROR_MESSAGES[504])
    assert longest < LATE
    assert took < 1.5 + LATE


@every_api
def test_after_all_that_an_answer_is_an_answer(model_server, caller, api: ProviderApi) -> None:
    model_server.play([head() + b"".join(step for step in api.answer("so good")[1:]) + LAST])
    assert WIRE.decode(caller.ask("Hi").content).text == "so good"
