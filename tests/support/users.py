"""People who sign in: each at an address of their own, with a browser that keeps the cookie."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from support.source_addresses import FromAddress

from app.testing.server import Server, random_address
from app.testing.wire_client import sse_frames

PASSWORD = "correct horse"
COOKIE = "parlance_session"
AUTH = "/api/auth"
JSON = {"Content-Type": "application/json"}


def anywhere() -> requests.Session:
    """At an address that hardly anybody else has."""
    http = requests.Session()
    http.mount("http://", FromAddress(random_address()))
    return http


def address() -> str:
    """An e-mail address that nobody else has."""
    return f"{os.urandom(8).hex()}@example.com"


@dataclass
class Person:
    """`id` is as the wire shows it, once there is an account."""

    server: Server
    email: str = field(default_factory=address)
    http: requests.Session = field(default_factory=anywhere)
    id: str = ""

    @classmethod
    def new(cls, server: Server) -> "Person":
        """Someone who has signed up, and so has signed in."""
        person = cls(server)
        made = person.call("POST", f"{AUTH}/sign-up/email", person.account())
        assert made.status_code == 200, made.text
        person.id = made.json()["user"]["id"]
        return person

    def account(self, **other: Any) -> dict[str, Any]:
        return {"email": self.email, "password": PASSWORD, **other}

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] = JSON, **query: Any
    ) -> requests.Response:
        data = None if body is None else json.dumps(body)
        url = self.server.url + path
        return self.http.request(method, url, data=data, headers=headers, params=query, timeout=30)  # type: ignore[arg-type]

    def sign_in(self, password: str = PASSWORD) -> requests.Response:
        return self.call("POST", f"{AUTH}/sign-in/email", self.account(password=password))

    def chat(self, title: str | None = None) -> str:
        """A new chat's id."""
        return str(self.call("POST", "/api/chats", {"title": title}).json()["id"])

    def message(self, text: str, **other: Any) -> dict[str, Any]:
        return {"content": text, "modelId": "scripted", "userId": self.id, **other}

    def ask(self, chat: str, text: str, **other: Any) -> requests.Response:
        """Answered whole."""
        return self.call("POST", f"/api/chats/{chat}/messages", self.message(text, **other))

    def stream(self, chat: str, text: str, **other: Any) -> list[Any]:
        """The events of an answer."""
        response = self.call("POST", f"/api/chats/{chat}/messages/stream", self.message(text, **other))
        assert response.status_code == 200, response.text
        return sse_frames(response.content)

    def messages(self, chat: str) -> list[dict[str, Any]]:
        found = self.call("GET", f"/api/chats/{chat}/messages")
        assert found.status_code == 200, found.text
        listed: list[dict[str, Any]] = found.json()["messages"]
        return listed


def refusal(response: requests.Response) -> tuple[int, str, str]:
    """Status, error, message; nothing is in the body besides but a code."""
    body = response.json()
    assert set(body) == {"error", "code", "message"}, body
    assert re.fullmatch("[A-Z0-9_]+", body["code"])
    return response.status_code, body["error"], body["message"]
