"""A caller of the responses wire, for the tests of what is its own."""

import json
import re
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
    named = re.findall(rb"^event: ", data, re.MULTILINE)
    assert len(named) == data.count(b"\n\n") - 1, "all but [DONE] are named"
    return [event for event in sse_frames(data) if event not in (None, "[DONE]")]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def behind(events: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """What is left of the events, of a piece too that the number lies in."""
    left = []
    for event in events:
        length = event["sequence_number"] - number
        if length > 0:
            piece = "delta" in event and "arguments" not in event["type"]
            left.append({**event, "delta": event["delta"][-length:]} if piece else event)
    return left


def joined(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pieces of one text in a row as one, with the number of the last; without what is known at the end alone."""
    said: list[dict[str, Any]] = []
    for event in events:
        last = said[-1] if said else {}
        if "delta" in event and (last.get("type"), last.get("item_id")) == (event["type"], event["item_id"]):
            said[-1] = {**event, "delta": last["delta"] + event["delta"]}
        elif event["type"] == "response.completed":
            said.append({**event, "response": {**event["response"], "completed_at": None}})
        elif event["type"] in ("error", "response.failed"):
            said.append({"type": event["type"], "sequence_number": event["sequence_number"]})
        else:
            said.append(event)
    return said
