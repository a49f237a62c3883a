"""The rounds that follow a tool call, whose caller hears the answer already: real callers, real model servers."""

import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from support.wires import WIRES, Workers

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import LAST, SILENCE, Action, ModelServer, streamed, whole
from app.testing.provider_apis import OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import Server
from app.testing.sockets import read_all, read_until
from app.testing.wire_client import ERROR_MESSAGES, WireClient

KEYED = [wire for wire in WIRES if wire.key_kind != "session"]  # who signs in chooses one model
every_wire = pytest.mark.parametrize("wire", KEYED, ids=repr)
STREAMS = [wire for wire in KEYED if wire.streamed]
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[ModelServer, ModelServer]]:
    with ModelServer() as first, ModelServer() as second:
        yield first, second


def relay(home: Path, servers: tuple[ModelServer, ModelServer]) -> Server:
    """With an agent for each provider that has both model servers, one after the other; not started yet."""
    config = CONFIG
    for api in PROVIDER_APIS:
        names = [f"{api}-{number}" for number in (1, 2)]
        for name, upstream in zip(names, servers, strict=True):
            config += f'\n[models.{name}]\nprovider = "{api}"\nbase_url = "{upstream.url}/v1"\nmodel = "m-1"\n'
        config += f'\n[agents.{api}]\nmodel = ["{names[0]}", "{names[1]}"]\ntools = ["calculator"]\n'
    return Server(home, config=config)


@pytest.fixture(scope="module")
def server(servers, tmp_path_factory) -> Iterator[Server]:
    with relay(tmp_path_factory.mktemp("relay"), servers) as running:
        yield running


@pytest.fixture(scope="module")
def keys(server) -> dict[tuple[str, str], str]:
    return {(kind, f"{api}"): server.key(kind, f"{api}") for kind in ("widget", "secret") for api in PROVIDER_APIS}


@pytest.fixture
def caller(server, keys, wire: WireClient, api: ProviderApi) -> Caller:
    return Caller(wire, server, keys[wire.key_kind, f"{api}"])


def calling(api: ProviderApi) -> list[Action]:
    """An answer that says something and calls a tool."""
    call = api.call(0, "calculator", {"expression": "2+2"})
    return [*streamed(api.begin, api.text("so far, "), call, api.end("tool_calls")), LAST]


@pytest.mark.parametrize(("wire", "api"), [*zip(STREAMS, cycle(PROVIDER_APIS), strict=False)], ids=repr)
def test_while_the_model_opens_again_its_caller_hears_keep_alives(servers, caller, api) -> None:
    servers[0].play(calling(api), [0.8, *api.answer("at last")])
    answer = caller.wire.decode(caller.ask("Hi").content)
    assert (answer.text, answer.ended) == ("so far, at last", True), caller.server.log("model failed")[-3:]
    assert answer.keep_alives >= 2, "one after each 0.3 s of 0.8"


@every_wire
@every_api
def test_nobody_else_goes_on_with_an_answer_and_nobody_is_asked_twice(servers, caller, api) -> None:
    first, second = servers
    first.play(calling(api), whole(api.refusal("no"), 500))
    second.play(api.answer("I am somebody else"))
    question = f"{caller.wire} {api}"
    response = caller.ask(question)
    if caller.wire.streamed:
        told = caller.wire.decode(response.content)
        assert (told.text, told.ended, told.error) == ("so far, ", True, ERROR_MESSAGES[502])
    else:
        caller.wire.check_error(response, 502)
    answered = caller.stored(question)[-1]
    assert (answered["status"], answered["text"], answered["model"]) == ("failed", "so far, ", f"{api}-1")
    assert (len(first.requests), second.requests) == (2, [])


def test_a_server_that_stops_ends_an_answer_whose_model_opens_again(servers, tmp_path) -> None:
    servers[0].play(calling(OPENAI), [SILENCE])
    with relay(tmp_path, servers) as stopping:
        caller = Caller(Workers(), stopping, stopping.key("secret", f"{OPENAI}"))
        with caller.open("Hi") as connection:
            begun = read_until(connection, b"so far")
            servers[0].wait_for_request(2)
            ending = threading.Thread(target=stopping.stop)
            ending.start()
            said = begun + read_all(connection)
            ending.join()
    assert b'"error":"The server is restarting"' in said
    assert said.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"), said
