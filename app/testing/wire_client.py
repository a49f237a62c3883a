"""How a wire is spoken, from its callers' side: the class that each wire's tests implement once, for all suites."""

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
    421: "This server does not answer for that host",
    429: "Too many requests",
    500: "Internal server error",
    502: "The model failed to answer",
    503: "The server is at capacity",
    504: "The model took too long to answer",
}
"""What callers are told with each status where the wire has no words of its own."""

STORE_UNAVAILABLE = "The server's database is not available at the moment"
"""The other words of a 503."""

FILTERED = "A content filter has withheld the answer"
"""The other words of a 502."""

STOPPED = "The answer was stopped"
"""The end of an answer that its owner has stopped."""

BROKEN_OFF = "The answer was broken off"
"""The end of one that has not come to its own, for those who read it on."""

CREDENTIAL_KINDS = ("widget", "secret", "session")
"""Two kinds of keys, and the sessions of people who sign in."""


@dataclass
class Reply:
    """What a caller understands of the body of a reply.

    `tokens` are in the order in which they came, each as it was sent; a whole answer is one. `ended` says that the
    terminator came, once, and nothing after it. `error` is the message of a failure in mid-answer. `text` is what the
    tokens say together.
    """

    tokens: Sequence[str]
    ended: bool
    error: str | None = None
    keep_alives: int = 0
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = "".join(self.tokens)


_KEEP_ALIVE = b": keep-alive\n"  # no blank line: some clients take that for the end of an event


def sse_frames(data: bytes) -> list[Any]:
    """The data of server-sent events as JSON, "[DONE]" as itself, and None for a keep-alive. Fails on anything else,
    and where an event has another name than its data's `type`."""
    frames: list[Any] = []
    at = 0
    while at < len(data):
        if data.startswith(_KEEP_ALIVE, at):
            frames.append(None)
            at += len(_KEEP_ALIVE)
        else:
            end = data.find(b"\n\n", at)
            assert end >= 0, data[at:]
            frames.append(_frame(data[at:end]))
            at = end + 2
    return frames


def _frame(frame: bytes) -> Any:
    name, _, data = frame.partition(b"\n") if frame.startswith(b"event: ") else (b"", b"", frame)
    assert data.startswith(b"data: "), frame
    assert b"\n" not in data, frame
    assert b"\r" not in data, frame
    said: Any = "[DONE]" if data == b"data: [DONE]" else json.loads(data[6:].decode())
    assert not name or name == f"event: {said['type']}".encode(), frame
    return said


class WireClient(ABC):
    """One way to ask over a wire, and the form of its replies. Subclass it once for each way that the wire offers.

    It plays a strict client: `frames` and `decode` fail on whatever the wire does not promise.
    """

    path: str
    """Where the question is posted. `path_for` fills in what stands in braces."""
    name: str
    """The wire's, as its folder in app/wires is called."""
    key_kind: str
    """One of CREDENTIAL_KINDS: what the tests ask with."""
    credentials: Sequence[tuple[str, str]]
    """Headers that carry the credential, each with the pattern of its value: ("Authorization", "Bearer {}")."""
    content_type: str = "application/json"
    """Of an answer."""
    streamed: bool = True
    status: int = 200
    """Of an answer that went well."""
    methods: str = "OPTIONS, POST"
    """What the path allows, as the header Allow says it."""
    ignores_fields: bool = False
    """Whether fields of the body that the wire does not know are ignored; otherwise they are refused."""
    foreign_status: int = 404
    """Of what names another's answer."""
    finds_by_position: bool = False
    """Whether a position in it is all that names an answer which is read on or stopped."""
    any_key: bool = False
    """Whether keys of every kind are accepted."""
    final: bytes
    """Only for wires that stream: what stands in the last frame of each answer that went well, and in no other."""

    @abstractmethod
    def body(self, text: str) -> dict[str, Any]:
        """The JSON that asks `text`."""

    def complete_body(self, body: dict[str, Any], url: str, key: str) -> dict[str, Any]:
        """The body, with the fields that depend on the credential; `url` is the server's."""
        return body

    def path_for(self, url: str, key: str) -> str:
        """The path for a new conversation of the credential's holder; `url` is the server's."""
        return self.path

    @abstractmethod
    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        """The bodies to post, in order, so that with the last one the model sees `first`, `answer` and `second`."""

    @abstractmethod
    def frames(self, data: bytes) -> list[Any]:
        """The frames of a stream, None for a keep-alive. Fails on anything but whole frames."""

    @abstractmethod
    def decode(self, data: bytes) -> Reply:
        """What the whole body of an answer says."""

    @abstractmethod
    def is_error(self, status: int, body: Any) -> bool:
        """Whether this JSON is what the wire sends with that status."""

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        """Only for wires that stream: what is read on with GET after `body` was posted to `path`, and its stream began
        with `answer`."""
        raise NotImplementedError

    def stop(self, path: str, body: dict[str, Any], answer: bytes) -> tuple[str, str]:
        """The method and the path that end such an answer."""
        return "DELETE", self.stream_path(path, body, answer)

    def history_path(self, path: str, answer: bytes) -> str:
        """Only for wires with a history: where the conversation is read that was posted to at `path`, and answered so.
        The query's `limit` and `cursor` choose a page."""
        raise NotImplementedError

    def history_page(self, body: Any) -> tuple[list[str], str | None]:
        """Only for wires with a history: the texts on a page, oldest first, and the cursor of the page before it."""
        raise NotImplementedError

    def headers(self, key: str) -> dict[str, str]:
        """The headers that carry the credential."""
        header, pattern = self.credentials[0]
        return {header: pattern.format(key)}

    def check_error(self, response: requests.Response, status: int) -> None:
        """Fail where the response is not the wire's error of that status."""
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/json"
        assert self.is_error(status, response.json()), response.text

    def check_store_error(self, response: requests.Response) -> None:
        """Fail where the response is not the wire's way to say that the database cannot be used now."""
        assert response.status_code == 503, response.text
        assert int(response.headers["Retry-After"]) > 0
        assert STORE_UNAVAILABLE in response.text
        as_any_503 = json.loads(response.text.replace(STORE_UNAVAILABLE, ERROR_MESSAGES[503]))
        assert self.is_error(503, as_any_503), response.text

    def __repr__(self) -> str:
        return type(self).__name__
