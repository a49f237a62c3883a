"""What the callers of each wire do, one class each: the suites know no dialect, only these adapters."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from raw import post
from server import Server, session

from app.dialects.widget.encoder import WidgetEncoder
from app.dialects.workers.encoder import WorkersEncoder

WORDS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "The request body did not arrive in time",
    409: "This conversation is still being answered",
    413: "Request body too large",
    415: "Content-Type must be application/json",
    429: "Too many requests",
    500: "Internal server error",
    502: "The model failed to answer",
    503: "The server is at capacity",
    504: "The model took too long to answer",
}


@dataclass
class Answer:
    """What any wire's caller makes of the bytes. `ended`: the terminator came, once, and nothing after it."""

    tokens: Sequence[str]
    ended: bool
    error: str | None = None
    keep_alives: int = 0
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = "".join(self.tokens)


class Wire(ABC):
    """One way to ask and its answer's form; a new dialect is one more subclass, listed in WIRES."""

    path: str
    channel: str
    key_kind: str
    credentials: Sequence[tuple[str, str]]  # header and the pattern of its value
    content_type: str = "application/json"
    streamed: bool = True
    anonymous: bool = False
    final: bytes  # in every last frame of an answer that went well

    @abstractmethod
    def body(self, text: str) -> dict[str, Any]:
        """The JSON that asks `text`."""

    @abstractmethod
    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        """What is posted, in order, so that the model sees three messages in the end."""

    @abstractmethod
    def frames(self, data: bytes) -> list[Any]:
        """The frames of a stream, None for a keep-alive. Fails on anything but whole frames."""

    @abstractmethod
    def decode(self, data: bytes) -> Answer:
        """The whole body of a 200."""

    @abstractmethod
    def is_error(self, status: int, body: Any) -> bool:
        """Whether this is the dialect's body for the status."""

    @abstractmethod
    def encoder(self) -> Any:
        """The encoder of the application; only for wires that stream."""

    def headers(self, key: str) -> dict[str, str]:
        header, pattern = self.credentials[0]
        return {header: pattern.format(key)}

    def check_error(self, response: requests.Response, status: int) -> None:
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/json"
        assert self.is_error(status, response.json()), response.text

    def __repr__(self) -> str:
        return type(self).__name__


class Workers(Wire):
    path = "/api/chat"
    channel = "workers"
    key_kind = "secret"
    credentials = (("Authorization", "Bearer {}"), ("x-api-key", "{}"))
    content_type = "text/event-stream; charset=utf-8"
    anonymous = True
    final = b"[DONE]"

    def body(self, text: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": text}]}

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        said = [("user", first), ("assistant", answer), ("user", second)]
        return [{**self.body(""), "messages": [{"role": role, "content": text} for role, text in said]}]

    def frames(self, data: bytes) -> list[Any]:
        assert data.endswith(b"\n\n"), data
        return [self._frame(frame) for frame in data[:-2].split(b"\n\n")]

    @staticmethod
    def _frame(frame: bytes) -> Any:
        if frame == b": keep-alive":
            return None
        assert frame.startswith(b"data: "), frame
        assert b"\n" not in frame, frame
        assert b"\r" not in frame, frame
        return "[DONE]" if frame == b"data: [DONE]" else json.loads(frame[6:].decode())

    def decode(self, data: bytes) -> Answer:
        frames = self.frames(data)
        events = [frame for frame in frames if frame is not None]
        objects = [event for event in events if event != "[DONE]"]
        ended = events == [*objects, "[DONE]"] and not objects[-1]["response"]
        ended = ended and ("usage" in objects[-1]) != ("error" in objects[-1])
        tokens = [event["response"] for event in objects if event.get("response")]
        return Answer(tokens, ended, objects[-1].get("error"), frames.count(None))

    def is_error(self, status: int, body: Any) -> bool:
        words = {**WORDS, 401: "Access denied: invalid authentication token.", 400: body["message"]}[status]
        return bool(words) and body == {"code": status, "message": words, "error": words}

    def encoder(self) -> Any:
        return WorkersEncoder()


class WorkersWhole(Workers):
    content_type = "application/json"
    streamed = False

    def body(self, text: str) -> dict[str, Any]:
        return {**super().body(text), "stream": False}

    def decode(self, data: bytes) -> Answer:
        body = json.loads(data)
        return Answer([body["response"]], set(body) == {"response", "usage", "tool_calls"})


class WidgetStream(Wire):
    path = "/v1/chat/stream"
    channel = "widget"
    key_kind = "widget"
    credentials = (("x-api-key", "{}"), ("x-widget-api-key", "{}"))
    content_type = "application/x-ndjson; charset=utf-8"
    final = b'"type":"done"'

    def body(self, text: str) -> dict[str, Any]:
        return {"sessionId": session(), "message": text}

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        body = self.body(first)
        return [body, {**body, "message": second}]

    def frames(self, data: bytes) -> list[Any]:
        assert data.endswith(b"\n"), data
        return [json.loads(line.decode("ascii")) if line else None for line in data[:-1].split(b"\n")]

    def decode(self, data: bytes) -> Answer:
        frames = self.frames(data)
        start, *events, last = [frame for frame in frames if frame is not None]
        tokens = [event["token"] for event in events if event["type"] == "token"]
        ended = start["type"] == "start" and not {"start", "done", "error"} & {event["type"] for event in events}
        if last["type"] == "done":
            ended = ended and last == {**start, "type": "done", "message": "".join(tokens)}
        else:
            ended = ended and last == {"type": "error", "error": last["error"]}
        return Answer(tokens, ended, last.get("error"), frames.count(None))

    def is_error(self, status: int, body: Any) -> bool:
        return bool(body == {"error": {**WORDS, 400: "Invalid request payload"}[status]})

    def encoder(self) -> Any:
        return WidgetEncoder(show_tools=True)


class WidgetAlias(WidgetStream):
    path = "/chat"


class WidgetWhole(WidgetStream):
    path = "/v1/chat"
    content_type = "application/json"
    streamed = False

    def decode(self, data: bytes) -> Answer:
        body = json.loads(data)
        return Answer([body["message"]], set(body) == {"conversationId", "message"})


WIRES: Sequence[Wire] = (Workers(), WorkersWhole(), WidgetStream(), WidgetAlias(), WidgetWhole())
STREAMS = [wire for wire in WIRES if wire.streamed]

every_wire = pytest.mark.parametrize("wire", WIRES, ids=repr)
every_stream = pytest.mark.parametrize("wire", STREAMS, ids=repr)
every_whole = pytest.mark.parametrize("wire", [wire for wire in WIRES if not wire.streamed], ids=repr)


@dataclass
class Caller:
    """Someone with a key who asks over one wire."""

    wire: Wire
    server: Server
    key: str

    def ask(self, text: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        return self.post(self.wire.body(text), headers)

    def post(self, body: Any, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Whatever is to be sent as JSON; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        sent = {"Content-Type": "application/json", **self.wire.headers(self.key), **(headers or {})}
        return requests.post(f"{self.server.url}{self.wire.path}", data=data, headers=sent, timeout=10)

    def open(self, text: str) -> Any:
        """A socket on which the answer is about to come, closed by the server at its end."""
        headers = {**self.wire.headers(self.key), "Connection": "close"}
        return post(self.server, self.wire.path, json.dumps(self.wire.body(text)).encode(), headers)

    def stored(self, question: str) -> list[dict[str, Any]]:
        """The messages of the newest conversation over this wire in which the question was asked."""
        rows = self.server.rows(
            "SELECT c.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = ? "
            "AND m.role = 'user' AND json_extract(m.parts, '$[0].text') = ? ORDER BY m.rowid DESC LIMIT 1",
            self.wire.channel,
            question,
        )
        return self.server.messages(rows[0]["id"]) if rows else []
