"""What any wire's caller does: the interface that tests/support/wires.py implements once for each wire."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

ERROR_MESSAGES = {
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


CREDENTIAL_KINDS = ("widget", "secret", "session")
"""Of credentials: two of keys, and the sessions of people who sign in."""


@dataclass
class Reply:
    """What any wire's caller makes of the bytes. `ended`: the terminator came, once, and nothing after it."""

    tokens: Sequence[str]
    ended: bool
    error: str | None = None
    keep_alives: int = 0
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = "".join(self.tokens)


def sse_frames(data: bytes) -> list[Any]:
    """The data of server-sent events as JSON, "[DONE]" as itself, and None for a keep-alive. Fails on anything else."""
    assert data.endswith(b"\n\n"), data
    return [_frame(frame) for frame in data[:-2].split(b"\n\n")]


def _frame(frame: bytes) -> Any:
    if frame == b": keep-alive":
        return None
    assert frame.startswith(b"data: "), frame
    assert b"\n" not in frame, frame
    assert b"\r" not in frame, frame
    return "[DONE]" if frame == b"data: [DONE]" else json.loads(frame[6:].decode())


class WireClient(ABC):
    """One way to ask and its answer's form; a new wire is one more subclass, listed in WIRES."""

    path: str  # what it holds in braces is for `path_for` to fill in
    name: str
    key_kind: str
    credentials: Sequence[tuple[str, str]]  # header and the pattern of its value
    content_type: str = "application/json"
    streamed: bool = True
    status: int = 200  # of an answer that went well
    methods: str = "OPTIONS, POST"  # that the path takes
    anonymous: bool = False
    ignores_fields: bool = False  # whether fields it does not know are no mistake
    any_key: bool = False  # whether keys of both kinds open it
    final: bytes  # in every last frame of an answer that went well

    @abstractmethod
    def body(self, text: str) -> dict[str, Any]:
        """The JSON that asks `text`."""

    def complete_body(self, body: dict[str, Any], url: str, key: str) -> dict[str, Any]:
        """The body with what depends on who asks; `url` is the server's."""
        return body

    def path_for(self, url: str, key: str) -> str:
        """The path for a new conversation."""
        return self.path

    @abstractmethod
    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        """What is posted, in order, so that the model sees three messages in the end."""

    @abstractmethod
    def frames(self, data: bytes) -> list[Any]:
        """The frames of a stream, None for a keep-alive. Fails on anything but whole frames."""

    @abstractmethod
    def decode(self, data: bytes) -> Reply:
        """The whole body of a 200."""

    @abstractmethod
    def is_error(self, status: int, body: Any) -> bool:
        """Whether this is the wire's body for the status."""

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
