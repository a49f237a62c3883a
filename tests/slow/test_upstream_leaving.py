"""A caller who leaves ends what runs upstream, at once: real callers, the real server, a real model server."""

import time
from itertools import cycle, product

import pytest
import requests
from support.disconnects import MID_STREAM, MOMENTS, SECONDS, left_within
from support.wires import WIRES

from app.testing.caller import Caller
from app.testing.model_server import SILENCE, streamed
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi
from app.testing.server import Server, eventually
from app.testing.sockets import read_until
from app.testing.wire_client import WireClient

pytestmark = pytest.mark.timed


@pytest.fixture
def caller(relay, relay_keys, wire: WireClient, api: ProviderApi) -> Caller:
    return Caller(wire, relay, relay_keys[wire.key_kind, f"{api}"])


# Each wire before and after its response has begun; and each moment with each provider, on the next of the wires.
EACH_WIRE = product(["before the response head has come", MID_STREAM], PROVIDER_APIS[:1], WIRES)
EACH_MOMENT = ((*each, wire) for each, wire in zip(product(MOMENTS, PROVIDER_APIS), cycle(WIRES), strict=False))
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


@pytest.mark.parametrize(("moment", "api", "wire"), [*dict.fromkeys([*EACH_WIRE, *EACH_MOMENT])], ids=str)
def test_a_caller_who_leaves_closes_the_connection_upstream(model_server, caller: Caller, api, moment) -> None:
    model_server.play(MOMENTS[moment](api))
    question = f"{caller.wire} {api} {moment}"
    with caller.open(question) as connection:
        asked = model_server.wait_for_request()
        if "mid-stream" in moment and caller.wire.streamed:
            read_until(connection, b"so far")
        else:
            time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
    answered = eventually(lambda: caller.stored(question)[1:])[0]
    assert answered["status"] == "interrupted"
    assert len(model_server.requests) == 1, "nobody asks again for somebody who left"
    assert eventually(lambda: streams(caller.server) == 0)


def streams(relay: Server) -> int:
    return int(requests.get(f"{relay.url}/ready", timeout=5).json()["checks"]["streams"])


@every_api
def test_a_caller_who_leaves_in_a_later_round_closes_that_rounds_connection(
    model_server, relay, relay_keys, api
) -> None:
    call = api.call(0, "calculator", {"expression": "2+2"})
    first = [*streamed(api.begin, api.text("so far"), call, api.end("tool_calls")), b"0\r\n\r\n"]
    model_server.play(first, [SILENCE])
    with Caller(WIRES[0], relay, relay_keys["secret", f"{api}"]).open(f"rounds of {api}") as connection:
        read_until(connection, b"so far")
        asked = model_server.wait_for_request(2)
        time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
    answered = eventually(lambda: Caller(WIRES[0], relay, "").stored(f"rounds of {api}")[1:])[0]
    assert answered["status"] == "interrupted"
    assert [part["type"] for part in answered["parts"]] == ["text", "tool-call", "tool-result"]
