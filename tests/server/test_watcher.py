"""How soon a caller who has left is noticed, also one who only sent no more at first."""

import socket
import statistics
import time

import orjson
import pytest
from support.disconnects import MID_STREAM, MOMENTS
from support.wires import STREAMS, WHOLE

from app.testing.caller import Caller
from app.testing.leaving_suite import RESET
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import post, read_all, read_until
from app.testing.wire_client import WireClient

pytestmark = pytest.mark.timed

NOTICED_SECONDS = 0.02  # with the model server's own noticing


@pytest.fixture
def caller(relay, relay_keys, wire: WireClient) -> Caller:
    return Caller(wire, relay, relay_keys[wire.key_kind, f"{OPENAI}"])


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("moment", ["before the response head has come", MID_STREAM])
@pytest.mark.parametrize("wire", [STREAMS[0], WHOLE[0]], ids=repr)
def test_the_model_is_left_within_milliseconds(model_server, caller, moment, how, version) -> None:
    taken = []
    for number in range(5):
        model_server.play(MOMENTS[moment](OPENAI))
        with caller.open(f"{caller.wire} {moment} {number}", version) as connection:
            asked = model_server.wait_for_request()
            if moment == MID_STREAM and caller.wire.streamed:
                read_until(connection, b"so far")
            time.sleep(0.05)  # nothing tells outside that it waits now
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            left = time.monotonic()
        assert asked.closed.wait(5)
        taken.append(asked.closed_at - left)
    assert statistics.median(taken) < NOTICED_SECONDS


@pytest.mark.parametrize("wire", [STREAMS[0], WHOLE[0]], ids=repr)
def test_who_closes_the_sending_side_and_leaves_later_is_noticed_with_the_next_probe(server, key_of, wire) -> None:
    caller, question = Caller(wire, server, key_of[wire.key_kind]), script({"pause": 60}, {"text": new_session_id()})
    with caller.open(question) as connection:
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
        assert len(caller.stored(question)) == 1, "it is still being answered"
    assert eventually(lambda: caller.stored(question)[1:], 1.5)[0]["status"] == "interrupted"


def test_a_request_sent_ahead_is_answered_too_when_no_more_comes_behind_it(server: Server, widget_key) -> None:
    body = orjson.dumps({"sessionId": new_session_id(), "message": script({"pause": 0.3}, {"text": "x"})})
    with post(server, "/v1/chat", body, {"x-api-key": widget_key}) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answers = read_all(connection)
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"message":"x"}HTTP/1.1 200 OK\r\n' in answers
    assert answers.endswith(b'{"status":"ok"}')
