"""A caller who leaves ends what runs upstream, at once: real callers, the real server, a real model server."""

import time
from itertools import cycle, product

import pytest
import requests
from support.leaving import MID_STREAM, MOMENTS, SECONDS, left_within
from support.wires import WIRES, Caller, Wire

from app.testing.model_server import SILENCE, streamed
from app.testing.provider_streams import SPEECHES, Speech
from app.testing.server import Server, eventually
from app.testing.sockets import read_until

pytestmark = pytest.mark.timed


@pytest.fixture
def caller(relay, relay_keys, wire: Wire, speech: Speech) -> Caller:
    return Caller(wire, relay, relay_keys[wire.key_kind, f"{speech}"])


# Each wire before and after its response has begun; and each moment with each provider, on the next of the wires.
EACH_WIRE = product(["before the response head has come", MID_STREAM], SPEECHES[:1], WIRES)
EACH_MOMENT = ((*each, wire) for each, wire in zip(product(MOMENTS, SPEECHES), cycle(WIRES), strict=False))
every_speech = pytest.mark.parametrize("speech", SPEECHES, ids=repr)


@pytest.mark.parametrize(("moment", "speech", "wire"), [*dict.fromkeys([*EACH_WIRE, *EACH_MOMENT])], ids=str)
def test_a_caller_who_leaves_closes_the_connection_upstream(model_server, caller: Caller, speech, moment) -> None:
    model_server.play(MOMENTS[moment](speech))
    question = f"{caller.wire} {speech} {moment}"
    with caller.open(question) as connection:
        asked = model_server.asked()
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


@every_speech
def test_a_caller_who_leaves_in_a_later_round_closes_that_rounds_connection(
    model_server, relay, relay_keys, speech
) -> None:
    call = speech.call(0, "calculator", {"expression": "2+2"})
    first = [*streamed(speech.begin, speech.text("so far"), call, speech.end("tool_calls")), b"0\r\n\r\n"]
    model_server.play(first, [SILENCE])
    with Caller(WIRES[0], relay, relay_keys["secret", f"{speech}"]).open(f"rounds of {speech}") as connection:
        read_until(connection, b"so far")
        asked = model_server.asked(2)
        time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
    answered = eventually(lambda: Caller(WIRES[0], relay, "").stored(f"rounds of {speech}")[1:])[0]
    assert answered["status"] == "interrupted"
    assert [part["type"] for part in answered["parts"]] == ["text", "tool-call", "tool-result"]
