"""Who asks over a wire: the holder of a credential, on a server that runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

from app.testing.server import Server
from app.testing.sockets import post
from app.testing.wire_client import WireClient


@dataclass
class Caller:
    """Someone with a key who asks over one wire, in one conversation where the path says which."""

    wire: WireClient
    server: Server
    key: str

    @cached_property
    def path(self) -> str:
        return self.wire.path_for(self.server.url, self.key)

    def body(self, text: str) -> dict[str, Any]:
        return self.wire.complete_body(self.wire.body(text), self.server.url, self.key)

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        bodies = self.wire.dialogue(first, answer, second)
        return [self.wire.complete_body(body, self.server.url, self.key) for body in bodies]

    def ask(self, text: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        return self.post(self.body(text), headers)

    def post(self, body: Any, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Whatever is to be sent as JSON; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        sent = {"Content-Type": "application/json", **self.wire.headers(self.key), **(headers or {})}
        return requests.post(f"{self.server.url}{self.path}", data=data, headers=sent, timeout=30)

    def open(self, text: str) -> Any:
        """A socket on which the answer is about to come, closed by the server at its end."""
        headers = {**self.wire.headers(self.key), "Connection": "close"}
        return post(self.server, self.path, json.dumps(self.body(text)).encode(), headers)

    def stored(self, question: str) -> list[dict[str, Any]]:
        """The messages of the newest conversation over this wire in which the question was asked."""
        rows = self.server.rows(
            "SELECT c.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = ? "
            "AND m.role = 'user' AND json_extract(m.parts, '$[0].text') = ? ORDER BY m.rowid DESC LIMIT 1",
            self.wire.name,
            question,
        )
        return self.server.messages(rows[0]["id"]) if rows else []
