"""What every wire that streams promises to those who wait, as tests to inherit: no silence is longer than a heartbeat.

The server's heartbeat is 0.3 seconds, as CONFIG has it.
"""

import itertools
import socket
import time
from collections.abc import Sequence
from typing import Any

import pytest

from app.testing.caller import Caller
from app.testing.server import script
from app.testing.sockets import body_of

HEARTBEAT = 0.3  # seconds
LATE = 0.25  # seconds by which a keep-alive may come later than the heartbeat on a busy machine

SHORT = HEARTBEAT / 3
Cue = dict[str, Any]
THOUGHTS: Sequence[Cue] = [{"reasoning": "hm"}, {"pause": SHORT}]
CALL: Sequence[Cue] = [{"pause": 0.2}, {"call": "calculator", "args": {"expression": "2+2"}}]
SILENCES: dict[str, Sequence[Cue]] = {
    "silence": [{"pause": 1.2}],
    "thoughts": [*THOUGHTS] * 12,
    "thoughts, then silence": [*THOUGHTS, *THOUGHTS, {"pause": 1.1}],
    "empty tokens": [{"text": ""}, {"pause": SHORT}] * 12,
    "silence around calls of tools": [*CALL, *CALL],
}


def read_timed(connection: socket.socket) -> tuple[bytes, list[float]]:
    """All bytes until the other side closes, and when each read returned (monotonic)."""
    got, times = b"", []
    while piece := connection.recv(65536):
        got += piece
        times.append(time.monotonic())
    return got, times


def longest_silence(times: Sequence[float]) -> float:
    """In seconds, between two of these times."""
    return max(later - earlier for earlier, later in itertools.pairwise(times))


class HeartbeatSuite:
    """For StreamSuite to inherit."""

    @pytest.mark.timed
    @pytest.mark.parametrize("name", SILENCES)
    def test_callers_hear_something_at_each_heartbeat_whatever_the_model_does(self, caller: Caller, name: str) -> None:
        question = script({"text": "so "}, *SILENCES[name], {"text": "far"})
        with caller.open(question) as connection:
            answer, times = read_timed(connection)
        reply = caller.wire.decode(body_of(answer))
        assert (reply.tokens, reply.ended, reply.error) == (["so ", "far"], True, None)
        assert longest_silence(times) < HEARTBEAT + LATE

    @pytest.mark.timed
    def test_a_response_that_begins_with_silence_begins_within_a_heartbeat(self, caller: Caller) -> None:
        begun = time.monotonic()
        with caller.open(script({"pause": 1}, {"text": "b"})) as connection:
            answer, times = read_timed(connection)
        reply = caller.wire.decode(body_of(answer))
        assert (reply.tokens, reply.ended) == (["b"], True)
        assert longest_silence([begun, *times]) < HEARTBEAT + LATE
        assert 2 <= reply.keep_alives <= 3

    @pytest.mark.timed
    def test_callers_who_hear_tokens_hear_no_keep_alives(self, caller: Caller) -> None:
        reply = caller.wire.decode(caller.ask(script({"text": "a", "times": 15, "every": SHORT})).content)
        assert (len(reply.tokens), reply.ended, reply.keep_alives) == (15, True, 0)
