"""Model servers that write what callers do not see: callers hear something at each heartbeat all the same.

Each wire shows something else of what a model writes; app/testing/heartbeat_suite.py asks it of every wire with the
scripted model.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import pytest
from support.wires import STREAMS

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.heartbeat_suite import HEARTBEAT, LATE, SILENCES, longest_silence, read_timed
from app.testing.model_server import LAST, Action, ModelServer, chunk, streamed
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi
from app.testing.server import Server, script
from app.testing.sockets import body_of
from app.testing.wire_client import WireClient

ARGUMENTS = {"expression": "2+2"}


def spread(pieces: Sequence[bytes], seconds: float = 0.05) -> list[Action]:
    return [each for piece in pieces for each in (chunk(piece), seconds)]


WRITES: dict[str, Callable[[ProviderApi], list[Action]]] = {
    "thoughts": lambda api: spread([api.thought("hm ")] * 24),
    "comments or pings": lambda api: spread([api.ping] * 24),
    "what holds nothing": lambda api: spread([*api.nothing, api.ping] * 3),
    "the arguments of a call": lambda api: spread(api.call_in_pieces(0, "calculator", ARGUMENTS)),
    "all of them in turn": lambda api: spread([api.thought("hm"), api.ping, *api.nothing] * 2, 0.08),
}


@pytest.fixture(scope="module")
def models() -> Iterator[tuple[ModelServer, ModelServer]]:
    with ModelServer() as first, ModelServer() as second:
        yield first, second


@pytest.fixture(scope="module")
def lists(models, tmp_path_factory) -> Iterator[Server]:
    """For each provider an agent with a list of two models: while another is left, a first chunk is waited for."""
    config = CONFIG
    for api in PROVIDER_APIS:
        names = [f"{api}-{number}" for number in (1, 2)]
        for name, upstream in zip(names, models, strict=True):
            config += f'\n[models.{name}]\nprovider = "{api}"\nbase_url = "{upstream.url}/v1"\nmodel = "m-1"\n'
            config += "timeouts = {first_token = 1, between_tokens = 2}\n"
        config += f'\n[agents.{api}]\nmodel = {names}\ntools = ["calculator"]\n'
    with Server(tmp_path_factory.mktemp("lists"), config=config) as running:
        yield running


@pytest.fixture(scope="module")
def keys(lists) -> dict[tuple[str, str], str]:
    return {(kind, f"{api}"): lists.key(kind, f"{api}") for kind in ("widget", "secret") for api in PROVIDER_APIS}


TURN = cycle([wire for wire in STREAMS if wire.key_kind != "session"])  # who signs in chooses one model
CASES = [(name, api, next(TURN)) for api in PROVIDER_APIS for name in WRITES for _ in range(2)]


@pytest.mark.timed
@pytest.mark.parametrize(("name", "api", "wire"), CASES, ids=repr)
def test_callers_hear_something_while_the_model_writes_what_the_wire_does_not_show(  # noqa: PLR0917 - a table
    models, lists, keys, name: str, api: ProviderApi, wire: WireClient
) -> None:
    calls = name == "the arguments of a call"
    end = api.end("tool_calls") if calls else api.text("far") + api.end()
    models[0].play([*streamed(api.begin, api.text("so ")), *WRITES[name](api), chunk(end), LAST], api.answer("far"))
    with Caller(wire, lists, keys[wire.key_kind, f"{api}"]).open("Hi") as connection:
        answer, times = read_timed(connection)
    reply = wire.decode(body_of(answer))
    assert (reply.text, reply.ended, reply.error) == ("so far", True, None)
    assert longest_silence(times) < HEARTBEAT + LATE


@pytest.mark.timed
@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
def test_an_answer_that_begins_with_a_slow_call_begins_within_a_heartbeat(models, lists, keys, api) -> None:
    wire = STREAMS[0]
    call = spread(api.call_in_pieces(0, "calculator", ARGUMENTS))
    models[0].play([*streamed(api.begin), *call, chunk(api.end("tool_calls")), LAST], api.answer("four"))
    begun = time.monotonic()
    with Caller(wire, lists, keys[wire.key_kind, f"{api}"]).open("Hi") as connection:
        answer, times = read_timed(connection)
    assert wire.decode(body_of(answer)).text == "four"
    assert longest_silence([begun, *times]) < HEARTBEAT + LATE


@pytest.mark.timed
@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
def test_while_a_silent_model_is_given_up_and_another_asked_its_caller_hears_keep_alives(
    models, lists, keys, api
) -> None:
    wire = STREAMS[0]
    models[0].play([*streamed(api.begin), *spread([api.ping, *api.nothing] * 20)])
    models[1].play(api.answer("here"))
    begun = time.monotonic()
    with Caller(wire, lists, keys[wire.key_kind, f"{api}"]).open("Hi") as connection:
        answer, times = read_timed(connection)
    assert wire.decode(body_of(answer)).text == "here"
    assert times[-1] - begun > 1, "the first one is waited for"
    assert longest_silence([begun, *times]) < HEARTBEAT + LATE


WITHOUT_PIECES = """
from wsgi import app

inner = app.wsgi_app

def as_under_another_server(environ, start_response):
    environ.pop("parlance.pieces")
    return inner(environ, start_response)

app.wsgi_app = as_under_another_server
"""


@pytest.mark.timed
@pytest.mark.parametrize("name", ["silence", "thoughts", "thoughts, then silence"])
def test_where_the_server_writes_no_silence_is_longer_than_two_heartbeats(tmp_path, name) -> None:
    (tmp_path / "another_server.py").write_text(WITHOUT_PIECES)
    question = script({"text": "so "}, *SILENCES[name], {"text": "far"})
    with Server(tmp_path / "home", env={"PYTHONPATH": str(tmp_path)}, wsgi="another_server:app") as server:
        caller = Caller(STREAMS[0], server, server.key("secret"))
        with caller.open(question) as connection:
            answer, times = read_timed(connection)
    reply = STREAMS[0].decode(body_of(answer))
    assert (reply.text, reply.ended) == ("so far", True)
    assert reply.keep_alives >= 2
    assert longest_silence(times) < 2 * HEARTBEAT + LATE
