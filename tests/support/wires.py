"""What the callers of each wire do, one class each: the suites know no wire, only these adapters."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from support.chat_wires import ChatsStream, ChatsWhole
from support.vendor_wires import (
    Completions,
    CompletionsWhole,
    Messages,
    MessagesWhole,
    Responses,
    ResponsesWhole,
    agent_of,
)

from app.testing.server import new_session_id
from app.testing.wire_client import ERROR_MESSAGES, Reply, WireClient, sse_frames
from app.wires.agents.encoder import LinesEncoder, UIMessageEncoder
from app.wires.widget.encoder import WidgetEncoder
from app.wires.workers.encoder import WorkersEncoder


class Workers(WireClient):
    path = "/api/chat"
    methods = "DELETE, GET, HEAD, OPTIONS, POST"
    name = "workers"
    key_kind = "secret"
    credentials = (("Authorization", "Bearer {}"), ("x-api-key", "{}"))
    finds_by_position = True
    content_type = "text/event-stream; charset=utf-8"
    final = b"[DONE]"

    def body(self, text: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": text}]}

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        said = [("user", first), ("assistant", answer), ("user", second)]
        return [{**self.body(""), "messages": [{"role": role, "content": text} for role, text in said]}]

    def frames(self, data: bytes) -> list[Any]:
        return sse_frames(data)

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        events = [frame for frame in frames if frame is not None]
        objects = [event for event in events if event != "[DONE]"]
        ended = events == [*objects, "[DONE]"] and not objects[-1]["response"]
        ended = ended and ("usage" in objects[-1]) != ("error" in objects[-1])
        ended = ended and [each for each in objects if "finish_reason" in each] == objects[-1:]
        ended = ended and all("response" in each for each in objects)
        tokens = [event["response"] for event in objects if event.get("response")]
        return Reply(tokens, ended, objects[-1].get("error"), frames.count(None))

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        return path

    def is_error(self, status: int, body: Any) -> bool:
        words = {**ERROR_MESSAGES, 401: "Access denied: invalid authentication token.", 400: body["message"]}[status]
        return bool(words) and body == {"code": status, "message": words, "error": words}

    def encoder(self) -> Any:
        return WorkersEncoder(lambda _call: True)


class WorkersWhole(Workers):
    content_type = "application/json"
    streamed = False

    def body(self, text: str) -> dict[str, Any]:
        return {**super().body(text), "stream": False}

    def decode(self, data: bytes) -> Reply:
        body = json.loads(data)
        return Reply([body["response"]], set(body) == {"response", "usage", "tool_calls", "finish_reason"})


class WidgetStream(WireClient):
    path = "/v1/chat/stream"
    methods = "DELETE, GET, HEAD, OPTIONS, POST"
    name = "widget"
    key_kind = "widget"
    credentials = (("x-api-key", "{}"), ("x-widget-api-key", "{}"))
    content_type = "application/x-ndjson; charset=utf-8"
    final = b'"type":"done"'

    def body(self, text: str) -> dict[str, Any]:
        return {"sessionId": new_session_id(), "message": text}

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        body = self.body(first)
        return [body, {**body, "message": second}]

    def frames(self, data: bytes) -> list[Any]:
        assert data.endswith(b"\n"), data
        return [json.loads(line.decode("ascii")) if line else None for line in data[:-1].split(b"\n")]

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        start, *events, last = [frame for frame in frames if frame is not None]
        tokens = [event["token"] for event in events if event["type"] == "token"]
        ended = start["type"] == "start" and not {"start", "done", "error"} & {event["type"] for event in events}
        if last["type"] == "done":
            last.pop("sources", None)
            ended = ended and re.fullmatch("[0-9a-f]{32}", last.pop("messageId")) is not None
            ended = ended and last == {**start, "type": "done", "message": "".join(tokens)}
        else:
            ended = ended and last == {"type": "error", "error": last["error"]}
        return Reply(tokens, ended, last.get("error"), frames.count(None))

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        return f"/v1/chat/stream?sessionId={body['sessionId']}"

    def is_error(self, status: int, body: Any) -> bool:
        return bool(body == {"error": {**ERROR_MESSAGES, 400: "Invalid request payload"}[status]})

    def encoder(self) -> Any:
        return WidgetEncoder(show_tools=True)


class WidgetAlias(WidgetStream):
    path = "/chat"
    methods = "OPTIONS, POST"


class WidgetWhole(WidgetStream):
    path = "/v1/chat"
    methods = "OPTIONS, POST"
    content_type = "application/json"
    streamed = False

    def decode(self, data: bytes) -> Reply:
        body = json.loads(data)
        return Reply([body["message"]], set(body) - {"sources"} == {"conversationId", "messageId", "message"})


class AgentsStream(WireClient):
    path = "/api/v2/agents/{agent}/chat"
    name = "agents"
    key_kind = "secret"
    credentials = (("Authorization", "Bearer {}"),)
    any_key = True
    ignores_fields = True
    content_type = "text/event-stream; charset=utf-8"
    final = b"[DONE]"

    def path_for(self, url: str, key: str) -> str:
        return self.path.format(agent=agent_of(url, key))

    def body(self, text: str) -> dict[str, Any]:
        return {"message": text}

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        name = new_session_id()

        def post(*texts: str) -> dict[str, Any]:
            parts = [[{"type": "text", "text": text}] for text in texts]
            messages = [{"id": f"m{n}", "role": "user", "parts": part} for n, part in enumerate(parts)]
            return {"id": name, "messages": messages, "trigger": "submit-message"}

        return [post(first), post(first, second)]

    def frames(self, data: bytes) -> list[Any]:
        return sse_frames(data)

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        start, *between, last, done = [frame for frame in frames if frame is not None]
        tokens = [chunk["delta"] for chunk in between if chunk["type"] == "text-delta"]
        ended = start["type"] == "start" and done == "[DONE]" and last["type"] in ("finish", "error")
        ended = ended and not {"start", "finish", "error"} & {chunk["type"] for chunk in between}
        return Reply(tokens, ended, last.get("errorText"), frames.count(None))

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        return self.history_path(path, answer).replace("/messages", "/stream")

    def stop(self, path: str, body: dict[str, Any], answer: bytes) -> tuple[str, str]:
        return "POST", self.history_path(path, answer).replace("/messages", "/stop")

    def history_path(self, path: str, answer: bytes) -> str:
        named = re.search(rb'"conversationId":"([^"]+)"', answer)
        assert named, answer
        return path.replace("/chat", f"/conversations/{named[1].decode()}/messages")

    def history_page(self, body: Any) -> tuple[list[str], str | None]:
        texts = ["".join(part["text"] for part in message["parts"]) for message in body["data"]]
        return texts, body["pagination"]["cursor"]

    def is_error(self, status: int, body: Any) -> bool:
        said = body["error"]["message"]
        words = {**ERROR_MESSAGES, 400: said, 403: said, 404: said}[status]
        return set(body) == {"error"} and said == words and body["error"]["code"].replace("_", "").isupper()

    def encoder(self) -> Any:
        return UIMessageEncoder(documented=True)


class AgentsLines(AgentsStream):
    content_type = "application/x-ndjson"
    final = b'"type":"finish"'

    def headers(self, key: str) -> dict[str, str]:
        return {**super().headers(key), "Accept": self.content_type}

    def frames(self, data: bytes) -> list[Any]:
        assert data.endswith(b"\n"), data
        return [json.loads(line.decode()) if line else None for line in data[:-1].split(b"\n")]

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        start, *between, last = [frame for frame in frames if frame is not None]
        ended = start["type"] == "start" and last["type"] in ("finish", "error")
        ended = ended and {chunk["type"] for chunk in between} <= {"text-delta"}
        return Reply([chunk["delta"] for chunk in between], ended, last.get("errorText"), frames.count(None))

    def encoder(self) -> Any:
        return LinesEncoder()


class AgentsWhole(AgentsStream):
    content_type = "application/json"
    streamed = False

    def body(self, text: str) -> dict[str, Any]:
        return {**super().body(text), "stream": False}

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        return [{**body, "stream": False} for body in super().dialogue(first, answer, second)]

    def decode(self, data: bytes) -> Reply:
        answer = json.loads(data)["data"]
        texts = [part["text"] for part in answer["parts"] if part["type"] == "text"]
        return Reply(texts, set(answer) == {"id", "role", "parts", "metadata"})


WIRES: Sequence[WireClient] = (
    *(Workers(), WorkersWhole(), WidgetStream(), WidgetAlias(), WidgetWhole()),
    *(AgentsStream(), AgentsLines(), AgentsWhole(), ChatsStream(), ChatsWhole()),
    *(Completions(), CompletionsWhole(), Messages(), MessagesWhole(), Responses(), ResponsesWhole()),
)
STREAMS = [wire for wire in WIRES if wire.streamed]
WHOLE = [wire for wire in WIRES if not wire.streamed]

HISTORIES: Sequence[WireClient] = (AgentsWhole(), ChatsWhole())
"""Those over which all that was said is read back; tests/wires/widget/test_visitors.py has the visitors' own."""

every_wire = pytest.mark.parametrize("wire", WIRES, ids=repr)
every_stream = pytest.mark.parametrize("wire", STREAMS, ids=repr)
every_whole = pytest.mark.parametrize("wire", WHOLE, ids=repr)
