"""A caller of the responses wire, for the tests of what is its own."""

import json
from dataclasses import dataclass
from typing import Any

import requests

from app.testing.server import Server
from app.testing.wire_client import sse_frames

SECONDS = 30


@dataclass(frozen=True)
class Client:
    server: Server
    key: str
    model: str = "open"

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1/responses"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def create(self, asked: Any, *, headers: dict[str, str] | None = None, **fields: Any) -> requests.Response:
        body = {"model": self.model, "input": asked, **fields}
        sent = {**self.headers, **(headers or {})}
        return requests.post(self.url, data=json.dumps(body), headers=sent, timeout=SECONDS)

    def shorten(self, asked: Any, **fields: Any) -> requests.Response:
        body = {"model": self.model, "input": asked, **fields}
        return requests.post(f"{self.url}/compact", data=json.dumps(body), headers=self.headers, timeout=SECONDS)

    def open(self, asked: Any, **fields: Any) -> requests.Response:
        """A stream that is read by whoever gets it."""
        body = {"model": self.model, "input": asked, "stream": True, **fields}
        return requests.post(self.url, data=json.dumps(body), headers=self.headers, timeout=SECONDS, stream=True)

    def get(self, response_id: str, behind: str = "", **query: Any) -> requests.Response:
        url = f"{self.url}/{response_id}{behind}"
        return requests.get(url, params=query, headers=self.headers, timeout=SECONDS)

    def hear(self, response_id: str, starting_after: int = -1) -> requests.Response:
        """The events behind that number, to the end."""
        return self.get(response_id, stream="true", starting_after=starting_after)

    def open_again(self, response_id: str, starting_after: int) -> requests.Response:
        """The same, to be read by whoever gets it."""
        query = {"stream": "true", "starting_after": starting_after}
        url = f"{self.url}/{response_id}"
        return requests.get(url, params=query, headers=self.headers, timeout=SECONDS, stream=True)

    def cancel(self, response_id: str) -> requests.Response:
        return requests.post(f"{self.url}/{response_id}/cancel", headers=self.headers, timeout=SECONDS)

    def delete(self, response_id: str) -> requests.Response:
        return requests.delete(f"{self.url}/{response_id}", headers=self.headers, timeout=SECONDS)


def events_of(data: bytes) -> list[dict[str, Any]]:
    """Those of a stream, which ends with [DONE]; each is named as its data says."""
    assert data.endswith(b"data: [DONE]\n\n"), data[-500:]
    assert data.count(b"\n\nevent: ") == data.count(b"\n\n") - 2, "all but [DONE] are named"
    return [event for event in sse_frames(data) if event not in (None, "[DONE]")]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]
