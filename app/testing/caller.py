"""Who asks over a wire: the holder of a credential, on a server that runs."""

import json
import socket
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
    """Asks over one wire with one credential. Where the path names a conversation, all questions go to the same.

    `back` is the server that is asked by who comes back to an answer, where that is another one of the same database.
    """

    wire: WireClient
    server: Server
    key: str
    back: Server | None = None

    @property
    def there(self) -> Server:
        """Where who has asked comes back."""
        return self.back or self.server

    @cached_property
    def path(self) -> str:
        """Where the questions are posted."""
        return self.wire.path_for(self.server.url, self.key)

    def body(self, text: str) -> dict[str, Any]:
        """The JSON that asks `text`."""
        return self.wire.complete_body(self.wire.body(text), self.server.url, self.key)

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        """The bodies to post, in order, so that with the last one the model sees `first`, `answer` and `second`."""
        bodies = self.wire.dialogue(first, answer, second)
        return [self.wire.complete_body(body, self.server.url, self.key) for body in bodies]

    def ask(self, text: str, headers: Mapping[str, str | bytes] | None = None) -> requests.Response:
        """The whole response to the question; `headers` come on top of the credential's."""
        return self.post(self.body(text), headers)

    def post(self, body: Any, headers: Mapping[str, str | bytes] | None = None) -> requests.Response:
        """The whole response to any body: bytes are sent as they are, everything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        sent = {"Content-Type": "application/json", **self.wire.headers(self.key), **(headers or {})}
        return requests.post(f"{self.there.url}{self.path}", data=data, headers=sent, timeout=30)

    def open(self, text: str, version: str = "HTTP/1.1", request_id: str | None = None) -> socket.socket:
        """Send the question; the response is still to be read. The server closes the connection at its end."""
        own_id = {"x-request-id": request_id} if request_id else {}
        headers = {**self.wire.headers(self.key), "Connection": "close", **own_id}
        return post(self.server, self.path, json.dumps(self.body(text)).encode(), headers, version)

    def stored(self, question: str) -> list[dict[str, Any]]:
        """The stored messages of the newest conversation over this wire in which the question was asked, oldest first.

        See `Server.messages` for what each has; none where the question was never stored.
        """
        rows = self.server.rows(
            "SELECT c.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.channel = ? "
            "AND m.role = 'user' AND m.parts -> 0 ->> 'text' = ? ORDER BY m.created_at DESC, m.sequence DESC LIMIT 1",
            self.wire.name,
            question,
        )
        return self.server.messages(rows[0]["id"]) if rows else []
