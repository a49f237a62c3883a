"""A question whose stream has begun, and its frames with their cursors: for tests of those who leave and come back."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import requests

from app.testing.caller import Caller
from app.testing.responses import chunks
from app.testing.sockets import body_of, post, read_all, read_until

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
END = ".end"
_DELTA = re.compile(rb'"(?:token|response|delta|content|text)":("(?:[^"\\]|\\.)*")')
WORDS = "Let me\n\nsee. It is fo🙂ur."


@dataclass
class Asked:
    """A question, with ids asked for where `ids`, whose stream has begun, and come as far as `begins_with`."""

    caller: Caller
    text: str
    ids: bool = True
    begins_with: bytes = b""

    def __post_init__(self) -> None:
        self.body = self.caller.body(self.text)
        headers = {**self.caller.wire.headers(self.caller.key), "Connection": "close"}
        headers |= {"Last-Event-ID": ""} if self.ids else {}
        self.path = self.caller.path
        self.connection = post(self.caller.server, self.path, json.dumps(self.body).encode(), headers)
        begin = self.begins_with or (b"so far" if "so far" in self.text else b'"')
        self.got = read_until(self.connection, begin)
        self.answer_id = re.search(rb"X-Turn-Id: (\w+)", self.got)[1].decode()  # type: ignore[index]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def rest(self, seconds: float = 10) -> bytes:
        """The whole body, read to its end, which has to come within `seconds`."""
        self.got += read_all(self.connection, seconds)
        self.connection.close()
        return body_of(self.got)

    def begun(self) -> bytes:
        """What has come of the body by now."""
        return b"".join(chunks(self.got + b"0\r\n\r\n"))

    def is_known(self) -> bool:
        """Whether enough has come to say which answer it is."""
        try:
            self.caller.wire.stop(self.path, self.body, self.got)
        except AssertionError:
            self.got += self.connection.recv(65536)
            return False
        return True

    def leave(self) -> None:
        self.connection.close()

    def read_on(self, cursor: str | None = None, *, also: str = "", **more: Any) -> requests.Response:
        """`also` is a query, and the headers that go with it are those of a browser's EventSource."""
        path = self.caller.wire.stream_path(self.path, self.body, self.got)
        path += ("&" if "?" in path else "?") + also if also else ""
        ids = {"Last-Event-ID": cursor} if cursor is not None else {}
        headers = {**self.caller.wire.headers(self.caller.key), **ids}
        headers |= {"Accept": "text/event-stream"} if also and "Accept" not in headers else {}
        return requests.get(f"{self.caller.there.url}{path}", headers=headers, timeout=30, **more)

    def stop(self) -> requests.Response:
        method, path = self.caller.wire.stop(self.path, self.body, self.got)
        named = {"Last-Event-ID": f"{self.answer_id}.0"}
        headers = {**self.caller.wire.headers(self.caller.key), **named}
        return requests.request(method, f"{self.caller.there.url}{path}", headers=headers, timeout=30)

    def status(self) -> str:
        stored = self.caller.stored(self.text)
        return str(stored[-1]["status"]) if len(stored) > 1 else ""


def numbered(data: bytes) -> Frames:
    """The frames of a stream, without keep-alives, each with its cursor, and as it is without one."""
    if not data.lstrip(b"\n").startswith(b"{"):
        frames = data.replace(b": keep-alive\n", b"").split(b"\n\n")[:-1]
        parted = [re.fullmatch(rb"(?:id: (\S+)\n)?(.*)", frame, re.DOTALL) for frame in frames]
        return [((each[1] or b"").decode(), each[2] + b"\n\n") for each in parted if each]
    lines = [line for line in data.split(b"\n") if line]
    parted = [re.fullmatch(rb'(.*),"cursor":"(\S+)"\}', line, re.DOTALL) for line in lines]
    return [(each[2].decode(), each[1] + b"}\n") for each in parted if each]


def cursors(frames: Frames) -> list[str]:
    """Each once, but that of the end, behind which there is nothing."""
    return list(dict.fromkeys(cursor for cursor, _ in frames if cursor and not cursor.endswith(END)))


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
