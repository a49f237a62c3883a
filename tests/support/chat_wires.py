"""What callers of the signed-in chats do; tests/support/wires.py lists them among the others."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import requests

from app.testing.wire_client import (
    BROKEN_OFF,
    ERROR_MESSAGES,
    FILTERED,
    STOPPED,
    STORE_UNAVAILABLE,
    Reply,
    WireClient,
    sse_frames,
)
from app.wires.chats.encoder import ChatsEncoder

NAMES = {
    **{
        status: HTTPStatus(status).phrase
        for status in (400, 401, 403, 404, 405, 408, 415, 421, 429, 500, 502, 503, 504)
    },
    413: "Request Entity Too Large",
}
CODES = {
    ERROR_MESSAGES[500]: "INTERNAL_ERROR",
    ERROR_MESSAGES[502]: "MODEL_UNAVAILABLE",
    FILTERED: "MODEL_UNAVAILABLE",
    ERROR_MESSAGES[503]: "MODEL_UNAVAILABLE",
    ERROR_MESSAGES[504]: "MODEL_TIMEOUT",
    STORE_UNAVAILABLE: "STORE_UNAVAILABLE",
    STOPPED: "STOPPED",
    BROKEN_OFF: "BROKEN_OFF",
}


@cache
def user_of(url: str, token: str) -> Mapping[str, str]:
    """Whose session it is."""
    headers = {"Cookie": f"parlance_session={token}"}
    user: Mapping[str, str] = requests.get(f"{url}/api/auth/session", headers=headers, timeout=30).json()["user"]
    return user


class ChatsStream(WireClient):
    """The key is a session's token. Its user's name says which model is asked."""

    path = "/api/chats/{chat}/messages/stream"
    methods = "DELETE, GET, HEAD, OPTIONS, POST"
    name = "chats"
    key_kind = "session"
    foreign_status = 403
    credentials = (("Cookie", "parlance_session={}"),)
    content_type = "text/event-stream; charset=utf-8"
    final = b'"type":"end"'

    def body(self, text: str) -> dict[str, Any]:
        return {"content": text}

    def complete_body(self, body: dict[str, Any], url: str, key: str) -> dict[str, Any]:
        user = user_of(url, key)
        return {**body, "modelId": user["name"], "userId": user["id"]}

    def path_for(self, url: str, key: str) -> str:
        made = requests.post(f"{url}/api/chats", json={}, headers=self.headers(key), timeout=30)
        return self.path.format(chat=made.json()["id"])

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        return [self.body(first), self.body(second)]

    def frames(self, data: bytes) -> list[Any]:
        return sse_frames(data)

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        start, *between, last = [frame for frame in frames if frame is not None]
        tokens = [event["delta"] for event in between if event["type"] == "content"]
        ended = start["type"] == "start" and not {"start", "end", "error"} & {event["type"] for event in between}
        if last["type"] == "end":
            ended = ended and last == {**start, "type": "end"}
        else:
            ended = ended and last == {"type": "error", "error": CODES[last["message"]], "message": last["message"]}
        return Reply(tokens, ended, last.get("message"), frames.count(None))

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        return path

    def history_path(self, path: str, answer: bytes) -> str:
        return path.removesuffix("/stream")

    def history_page(self, body: Any) -> tuple[list[str], str | None]:
        return [message["content"] for message in body["messages"]], body.get("nextCursor")

    def is_error(self, status: int, body: Any) -> bool:
        words = {**ERROR_MESSAGES, 401: "Valid session required", 400: body["message"]}[status]
        name = NAMES[status]
        no_json = words.startswith("The body is not valid JSON")
        code = "VALIDATION_ERROR" if status == 400 and not no_json else name.upper().replace(" ", "_")
        return bool(words) and body == {"error": name, "code": code, "message": words}

    def encoder(self) -> Any:
        return ChatsEncoder()


class ChatsWhole(ChatsStream):
    path = "/api/chats/{chat}/messages"
    content_type = "application/json"
    streamed = False
    status = 201
    methods = "GET, HEAD, OPTIONS, POST"

    def decode(self, data: bytes) -> Reply:
        body = json.loads(data)
        answer = body["assistantMessage"]
        ended = set(body) == {"userMessage", "assistantMessage", "chatId"} and answer["status"] == "complete"
        return Reply([answer["content"]], ended)
