"""Callers of /api/v2, of both sorts: with the documented requests, and as the AI SDK's transport posts."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import requests
from support.wires import AgentsStream

from app.store.database import Database
from app.store.keys import KeyStore
from app.testing.configuration import CONFIG
from app.testing.server import Server
from app.testing.sockets import post


def configured(tables: str) -> str:
    """The usual configuration with further models and agents."""
    return CONFIG.replace("[limits]", f"{tables}\n[limits]")


@cache
def keys(server: Server) -> KeyStore:
    """The server's keys; to make one here takes a hundredth of the time that the command line takes."""
    return KeyStore(Database(server.store_url))


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def user(message_id: str, said: str) -> dict[str, Any]:
    """A user's message as `useChat` keeps it."""
    return {"id": message_id, "role": "user", "parts": [text(said)]}


def assistant(message_id: str, *parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": message_id, "role": "assistant", "parts": [{"type": "step-start"}, *parts]}


@dataclass(frozen=True)
class Client:
    """Someone with a key for an agent. `http` may be a session of `requests`, which keeps its connection."""

    server: Server
    key: str
    agent: str = "open"
    http: Any = requests

    @classmethod
    def new(cls, server: Server, agent: str = "open", kind: str = "secret", budget: int | None = None) -> "Client":
        """With a key that nobody else has."""
        return cls(server, keys(server).create(kind, agent, budget=budget), agent)  # type: ignore[arg-type]

    def call(
        self, method: str, path: str = "", body: Any = None, headers: Mapping[str, str] | None = None, **query: Any
    ) -> requests.Response:
        """`path` is below the agent's; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        sent = {
            "Authorization": f"Bearer {self.key}",
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        response: requests.Response = self.http.request(
            method,
            f"{self.server.url}/api/v2/agents/{self.agent}{path}",
            data=data if body is not None else None,
            headers={**sent, **(headers or {})},
            params=query,
            timeout=30,
        )
        return response

    def get(self, path: str = "", **query: Any) -> dict[str, Any]:
        """The body of a 200."""
        response = self.call("GET", path, **query)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def chat(self, body: Any, headers: Mapping[str, str] | None = None, **query: Any) -> requests.Response:
        return self.call("POST", "/chat", body, headers, **query)

    def ask(self, message: str, **fields: Any) -> dict[str, Any]:
        """The whole answer to a documented request."""
        return answered(self.chat({"message": message, "stream": False, **fields}))

    def page(self, chat_id: str, *messages: Mapping[str, Any], **fields: Any) -> requests.Response:
        """What `DefaultChatTransport` posts, streamed."""
        return self.chat({"id": chat_id, "messages": messages, "trigger": "submit-message", **fields})

    def retry(self, conversation_id: str, message_id: str) -> requests.Response:
        body = {"messageId": message_id, "stream": False}
        return self.call("POST", f"/conversations/{conversation_id}/retry", body)

    def pause(self, conversation_id: str, *, paused: bool) -> requests.Response:
        return self.call("PATCH", f"/conversations/{conversation_id}", {"paused": paused})

    def rate(self, conversation_id: str, message_id: str, feedback: Any) -> requests.Response:
        path = f"/conversations/{conversation_id}/messages/{message_id}/feedback"
        return self.call("PATCH", path, {"feedback": feedback})

    def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/conversations/{conversation_id}/messages", limit=100)["data"]
        return found

    def said(self, conversation_id: str) -> list[tuple[str, str]]:
        """Role and text of each message."""
        return [(message["role"], spoken(message)) for message in self.messages(conversation_id)]

    def open(self, message: Any, **fields: Any) -> socket.socket:
        """A socket on which the stream is about to come; the message is a text, or a page's."""
        body = json.dumps({"message": message, **fields}).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Connection": "close"}
        return post(self.server, f"/api/v2/agents/{self.agent}/chat", body, headers)


def answered(response: requests.Response) -> dict[str, Any]:
    """What a 200 that was not streamed holds."""
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["data"]
    return found


def spoken(message: Mapping[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def chunks(response: requests.Response) -> list[dict[str, Any]]:
    """The chunks of a stream of server-sent events that came to its end."""
    assert response.status_code == 200, response.text
    *found, done = [frame for frame in AgentsStream().frames(response.content) if frame is not None]
    assert done == "[DONE]"
    return found


def begun(start: Mapping[str, Any]) -> dict[str, Any]:
    """What `start` says of the answer, which `finish` will say too; its own shape is looked at on the way."""
    said: dict[str, Any] = start["messageMetadata"]
    assert start == {"type": "start", "messageId": said["messageId"], "messageMetadata": said}
    assert {*said} >= {"conversationId", "messageId", "userMessageId", "userId", "createdAt"}
    assert None not in [value for name, value in said.items() if name != "userId"]
    return said


def finished(response: requests.Response) -> dict[str, Any]:
    """What `finish` says of the answer."""
    last = chunks(response)[-1]
    assert last["type"] == "finish", last
    said: dict[str, Any] = last["messageMetadata"]
    return said


def refused(response: requests.Response) -> tuple[int, str]:
    """Status and code."""
    return response.status_code, response.json()["error"]["code"]
