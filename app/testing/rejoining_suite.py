"""What every wire that streams promises to those who come back to an answer, or end it, as tests to inherit."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import pytest
import requests

from app.testing.caller import Caller
from app.testing.responses import chunks
from app.testing.server import eventually, new_session_id, script
from app.testing.sockets import body_of, post, read_all, read_until
from app.testing.wire_client import STOPPED

MOST_LISTENERS = 20
SAID: Sequence[dict[str, Any]] = [
    {"reasoning": "Hm, "},
    {"reasoning": "så."},
    {"text": "Let "},
    {"burst": ["me\n\n", "see. "]},
    {"call": "calculator", "args": {"expression": "2+2"}},
    {"text": "It is "},
    {"text": "fo🙂ur."},
]
Frames = Sequence[tuple[str, bytes]]
_DELTA = re.compile(rb'"(?:token|response|delta)":("(?:[^"\\]|\\.)*")')
WORDS = "Let me\n\nsee. It is fo🙂ur."


@dataclass
class Asked:
    """A question, with ids asked for where `ids`, whose stream has begun."""

    caller: Caller
    text: str
    ids: bool = True

    def __post_init__(self) -> None:
        self.body = self.caller.body(self.text)
        headers = {**self.caller.wire.headers(self.caller.key), "Connection": "close"}
        headers |= {"Last-Event-ID": ""} if self.ids else {}
        self.path = self.caller.path
        self.connection = post(self.caller.server, self.path, json.dumps(self.body).encode(), headers)
        self.got = read_until(self.connection, b"so far" if "so far" in self.text else b'"')
        self.answer_id = re.search(rb"X-Turn-Id: (\w+)", self.got)[1].decode()  # type: ignore[index]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def rest(self) -> bytes:
        """The whole body, read to its end."""
        self.got += read_all(self.connection)
        self.connection.close()
        return body_of(self.got)

    def begun(self) -> bytes:
        """What has come of the body by now."""
        return b"".join(chunks(self.got + b"0\r\n\r\n"))

    def leave(self) -> None:
        self.connection.close()

    def read_on(self, cursor: str | None = None, **more: Any) -> requests.Response:
        path = self.caller.wire.stream_path(self.path, self.body, self.got)
        ids = {"Last-Event-ID": cursor} if cursor is not None else {}
        headers = {**self.caller.wire.headers(self.caller.key), **ids}
        return requests.get(f"{self.caller.server.url}{path}", headers=headers, timeout=30, **more)

    def stop(self) -> requests.Response:
        method, path = self.caller.wire.stop(self.path, self.body, self.got)
        named = {"Last-Event-ID": f"{self.answer_id}.0"}
        headers = {**self.caller.wire.headers(self.caller.key), **named}
        return requests.request(method, f"{self.caller.server.url}{path}", headers=headers, timeout=30)

    def status(self) -> str:
        stored = self.caller.stored(self.text)
        return str(stored[-1]["status"]) if len(stored) > 1 else ""


def numbered(data: bytes) -> Frames:
    """The frames of a stream, without keep-alives, each with its cursor, and as it is without one."""
    if data.startswith((b"id: ", b": keep-alive")):
        frames = data.replace(b": keep-alive\n", b"").split(b"\n\n")[:-1]
        parted = [re.fullmatch(rb"(?:id: (\S+)\n)?(.*)", frame, re.DOTALL) for frame in frames]
        return [((each[1] or b"").decode(), each[2] + b"\n\n") for each in parted if each]
    lines = [line for line in data.split(b"\n") if line]
    parted = [re.fullmatch(rb'(.*),"cursor":"(\S+)"\}', line, re.DOTALL) for line in lines]
    return [(each[2].decode(), each[1] + b"}\n") for each in parted if each]


def cursors(frames: Frames) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(cursor for cursor, _ in frames if cursor))


def plain(frames: Frames) -> bytes:
    """As they would have been without cursors."""
    return b"".join(frame for _, frame in frames)


def spoken(frames: Frames) -> str:
    """The answer's text, whatever the wire calls it, without thoughts."""
    deltas = (_DELTA.search(frame) for _, frame in frames if b"reasoning" not in frame)
    return "".join(json.loads(each[1]) for each in deltas if each)


def last(frames: Frames) -> bytes:
    """The last event, with the terminator where the wire has one."""
    return plain(frames[-2:] if frames[-1][1] == b"data: [DONE]\n\n" else frames[-1:])


def until(frames: Frames, cursor: str) -> Frames:
    """Those that have been told where somebody has come to the cursor."""
    return frames[: 1 + max(index for index, (each, _) in enumerate(frames) if each == cursor)]


class RejoiningSuite:
    """For StreamSuite to inherit."""

    def test_ids_are_for_those_who_ask_and_change_nothing_else(self, caller: Caller) -> None:
        with Asked(caller, script(*SAID)) as asked:
            frames = numbered(asked.rest())
        reply = caller.wire.decode(plain(frames))
        assert (reply.text, reply.ended, reply.error) == (WORDS, True, None)
        assert {each.partition(".")[0] for each in cursors(frames)} == {asked.answer_id}
        with Asked(caller, script(*SAID), ids=False) as other:
            assert caller.wire.decode(other.rest()).text == WORDS

    def test_an_answer_that_has_ended_is_read_on_from_every_position(self, caller: Caller) -> None:
        with Asked(caller, script(*SAID)) as asked:
            frames = numbered(asked.rest())
        for cursor in cursors(frames):
            again = asked.read_on(cursor)
            assert again.status_code == 200
            rest = numbered(again.content)
            assert spoken([*until(frames, cursor), *rest]) == WORDS
            assert rest[-1][1] == frames[-1][1]

    def test_an_answer_that_runs_is_read_on_from_every_position(self, caller: Caller) -> None:
        with Asked(caller, script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
            frames = numbered(asked.begun())
            told = cursors(frames)[:MOST_LISTENERS]
            listeners = [asked.read_on(cursor, stream=True) for cursor in told]
            assert asked.stop().status_code == 200
            ends = [last(numbered(asked.rest()))]
            for cursor, listener in zip(told, listeners, strict=True):
                rest = numbered(listener.content)
                assert spoken([*until(frames, cursor), *rest]) == f"{WORDS}so far"
                ends.append(last(rest))
            assert set(ends) == {last(rest)}
            assert STOPPED.encode() in last(rest)

    def test_without_a_position_all_of_a_running_answer_is_told(self, caller: Caller) -> None:
        if caller.wire.name == "workers":  # there an answer is found by its position
            assert requests.get(f"{caller.server.url}/api/chat", timeout=30).status_code == 400
            return
        with Asked(caller, script({"text": "so far"}, {"pause": 60})) as asked:
            follower = asked.read_on(stream=True)
            asked.stop()
            reply = caller.wire.decode(follower.content)
            assert (reply.text, reply.ended, reply.error) == ("so far", True, STOPPED)
            assert asked.read_on().status_code == 204

    def test_who_has_asked_for_ids_may_leave_and_come_back(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"}, {"pause": 0.5}, {"text": " and "}, {"text": "further"})) as asked:
            asked.leave()
            begun = numbered(asked.begun())
            again = asked.read_on(cursors(begun)[-1])
            assert spoken([*begun, *numbered(again.content)]) == "so far and further"
            assert asked.status() == "complete"

    def test_who_has_not_asked_for_ids_ends_the_answer_by_leaving(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()}), ids=False) as asked:
            asked.leave()
            assert eventually(asked.status) == "interrupted"

    def test_the_answer_goes_on_as_long_as_somebody_listens(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"}, {"pause": 0.6}, {"text": " and further"}), ids=False) as asked:
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            asked.leave()
            assert spoken(numbered(listener.content)) == "so far and further"
            assert asked.status() == "complete"

    def test_stopping_ends_it_for_everybody_and_is_harmless_again(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})) as asked:
            first, again = asked.stop(), asked.stop()
            assert (first.status_code, first.content) == (again.status_code, again.content)
            assert first.status_code == 200
            assert asked.status() == "interrupted"
            reply = caller.wire.decode(plain(numbered(asked.rest())))
            assert (reply.text, reply.ended, reply.error) == ("so far", True, STOPPED)
            assert caller.ask(script({"text": "next"})).status_code == 200

    def test_stopping_what_has_ended_says_how_it_stands(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"})) as asked:
            asked.rest()
            assert asked.stop().status_code == 200
            assert asked.status() == "complete"

    @pytest.mark.parametrize(
        ("cursor", "status"),
        [("x", 400), ("0.0", 400), (f"{'0' * 32}.-1", 400), (f"{'0' * 32}.{'9' * 11}", 400), (f"{'0' * 32}.0", 404)],
    )
    def test_a_cursor_that_is_none_or_of_another_answer_is_refused(
        self, caller: Caller, cursor: str, status: int
    ) -> None:
        with Asked(caller, script({"text": "so far"})) as asked:
            asked.rest()
            refused = asked.read_on(cursor)
            assert refused.status_code == status
            assert refused.headers["Content-Type"] == "application/json"

    def test_behind_the_end_there_is_the_end_alone(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"})) as asked:
            whole = numbered(asked.rest())
            again = numbered(asked.read_on(f"{asked.answer_id}.9999999999").content)
            assert spoken(again) == ""
            assert again[-1][1] == whole[-1][1]

    def test_more_listeners_than_it_may_have_are_refused(self, caller: Caller) -> None:
        with Asked(caller, script({"text": "so far"}, {"pause": 60})) as asked:
            cursor = f"{asked.answer_id}.0"
            listeners = [asked.read_on(cursor, stream=True) for _ in range(MOST_LISTENERS)]
            assert asked.read_on(cursor).status_code == 429
            listeners.pop().close()
            eventually(lambda: _and_close(asked.read_on(cursor, stream=True)) == 200)
            asked.stop()
            for each in listeners:
                assert STOPPED.encode() in each.content


def _and_close(response: requests.Response) -> int:
    response.close()
    return response.status_code
