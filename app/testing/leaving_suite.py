"""What every wire promises to callers who leave, and to those who only have no more to send, as tests to inherit."""

import socket
import time

import pytest

from app.testing.caller import Caller
from app.testing.server import eventually, new_session_id, script
from app.testing.sockets import body_of, read_all, read_until

WAIT = {"pause": 0.15}  # as long as it takes until a caller whose sending side is closed has been looked at three times
RESET = b"\1\0\0\0\0\0\0\0"  # of SO_LINGER: closing resets the connection


class LeavingSuite:
    """For WireSuite to inherit."""

    @pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
    @pytest.mark.parametrize("when", ["before the first token", "between two tokens"])
    def test_a_caller_who_closes_the_sending_side_is_answered_whole(
        self, caller: Caller, version: str, when: str
    ) -> None:
        question = script(WAIT, {"text": "so "}, WAIT, {"text": "far"})
        with caller.open(question, version) as connection:
            between = when == "between two tokens" and caller.wire.streamed
            answer = read_until(connection, b"so ") if between else b""
            connection.shutdown(socket.SHUT_WR)
            answer += read_all(connection)
        assert answer.startswith(f"{version} {caller.wire.status} ".encode())
        reply = caller.wire.decode(body_of(answer, caller.wire.status))
        assert (reply.text, reply.ended, reply.error) == ("so far", True, None)
        assert caller.stored(question)[-1]["status"] == "complete"

    @pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
    @pytest.mark.parametrize("how", ["close", "reset", "first the sending side, then all"])
    @pytest.mark.parametrize("when", ["before the first token", "between two tokens"])
    def test_a_caller_who_leaves_ends_the_answer(self, caller: Caller, version: str, how: str, when: str) -> None:
        steps = [{"text": "so far"}][: when == "between two tokens"]
        question = script(*steps, {"pause": 60}, {"text": new_session_id()})  # no other test's
        with caller.open(question, version) as connection:
            if when == "between two tokens" and caller.wire.streamed:
                read_until(connection, b"so far")
            eventually(lambda: caller.stored(question))
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            elif how != "close":
                connection.shutdown(socket.SHUT_WR)
                time.sleep(0.03)
        answer = eventually(lambda: caller.stored(question)[1:])[0]
        assert answer["status"] == "interrupted"

    def test_the_log_blames_nobody_for_a_caller_who_left(self, caller: Caller) -> None:
        question, own_id = script({"text": "so far"}, {"pause": 60}), new_session_id()
        with caller.open(question, request_id=own_id) as connection:
            if caller.wire.streamed:
                read_until(connection, b"so far")
            eventually(lambda: caller.stored(question))
        (line,) = eventually(lambda: [each for each in caller.server.log("request") if each["request_id"] == own_id])
        assert line["status"] == (caller.wire.status if caller.wire.streamed else 499)

    def test_who_reads_to_the_end_finds_the_turn_in_the_log(self, caller: Caller) -> None:
        own_id = new_session_id()
        caller.ask(script({"text": "x"}), {"x-request-id": own_id})
        (line,) = [each for each in caller.server.log("turn") if each["request_id"] == own_id]
        assert line["outcome"] == "complete"
