"""A model server that sends what a test scripts: bytes, pauses, cuts, resets, silence. It records what it is asked."""

import contextlib
import json
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Self

import pytest


class Ending(Enum):
    """How a response ends that does not end as HTTP wants it."""

    CUT = "closes the connection properly"
    RESET = "resets it"
    SILENCE = "sends nothing more until the client leaves"


@dataclass(frozen=True)
class SlowBytes:
    """Bytes that are sent one at a time, evenly spread over `seconds`; after a delay the rest follows faster."""

    data: bytes
    seconds: float


CUT, RESET, SILENCE = Ending
Action = bytes | SlowBytes | float | threading.Event | Ending
"""What the server does next: send bytes, pause for so many seconds, wait for an event, or end."""
LAST = b"0\r\n\r\n"
"""The last chunk of a chunked body."""


@dataclass
class Request:
    """A request that came. `closed` is set when the client closes its connection, `closed_at` (monotonic) says when.

    `connection` counts the server's connections from 1: requests of the same number came over the same one.
    """

    line: str
    headers: Mapping[str, str]
    data: bytes
    connection: int
    closed: threading.Event = field(default_factory=threading.Event)
    closed_at: float = 0.0

    @property
    def path(self) -> str:
        return self.line.split()[1]

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    def close(self) -> None:
        if not self.closed.is_set():
            self.closed_at = time.monotonic()
            self.closed.set()


def head(status: int = 200, content_type: str = "text/event-stream", **headers: str) -> bytes:
    """The head of a response: `retry_after="3"` is the header Retry-After. Chunked where no length is given."""
    fields = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if not {"content-length", "connection"} & fields.keys():
        fields["transfer-encoding"] = "chunked"
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def streamed(*actions: Action) -> list[Action]:
    """The head of a stream, then the actions, bytes as a chunk each. Without the last chunk: add LAST."""
    return [head(), *(chunk(action) if isinstance(action, bytes) else action for action in actions if action != b"")]


def whole(data: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> list[Action]:
    """A response whose length is given."""
    return [head(status, content_type, content_length=str(len(data)), **headers) + data]


def sse(event: Any) -> bytes:
    """A server-sent event with JSON."""
    return b"data: " + json.dumps(event).encode() + b"\n\n"


class ModelServer:
    """Use with `with`; `url` is its base. Each request is given the next of `answers`, or `always(request)` after them.

    With a certificate it speaks TLS. With `proxy` it takes CONNECT first, and is also the server behind the proxy. `at`
    is the address where it listens. `requests` are those that came, oldest first; `connects` those with CONNECT.
    """

    def __init__(
        self, certificate: Path | None = None, *, proxy: bool = False, at: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(certificate)
        self._proxy = proxy
        family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        self._listener = socket.create_server(at, family=family, backlog=128)
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._closing = False
        self.port: int = self._listener.getsockname()[1]
        scheme = "https" if certificate and not proxy else "http"
        host = "localhost" if scheme == "https" else f"[{at[0]}]" if ":" in at[0] else at[0]
        self.url = f"{scheme}://{host}:{self.port}"
        self.requests: list[Request] = []
        self.connects: list[Request] = []
        self.answers: list[Sequence[Action]] = []
        self.always: Callable[[Request], Iterable[Action]] = lambda _: [SILENCE]

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        for one in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._listener.close()

    def play(self, *answers: Sequence[Action]) -> None:
        """Forget the requests so far, and play these answers; the last one is given to all further requests."""
        self.requests.clear()
        self.answers = list(answers[:-1])
        self.always = lambda _: answers[-1]

    def wait_for_request(self, number: int = 1, seconds: float = 5) -> Request:
        """The request of that number, counted from 1. Fails where it does not come within `seconds`."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < number:
            assert time.monotonic() < deadline, f"{len(self.requests)} requests, not {number}"
            time.sleep(0.005)
        return self.requests[number - 1]

    def _spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            self._spawn(self._serve, connection, len(self._connections))

    def _serve(self, connection: socket.socket, number: int) -> None:
        request: Request | None = None
        with contextlib.ExitStack() as closing:
            closing.callback(lambda: connection.close())  # noqa: PLW0108 - the one that it is by then
            with contextlib.suppress(OSError, ValueError):
                if self._proxy and self._tls:
                    self.connects.append(self._read(connection, number))
                    connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                    self._connections.append(connection)
                    connection.do_handshake()
                while not self._closing:
                    request = self._read(connection, number)
                    self.requests.append(request)
                    for action in self.answers.pop(0) if self.answers else self.always(request):
                        self._do(action, connection, request)
            if request and not self._closing:
                request.close()

    @staticmethod
    def _read(connection: socket.socket, number: int) -> Request:
        """Raises OSError at the end of the connection."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += _receive(connection)
        top, _, body = data.partition(b"\r\n\r\n")
        line, *fields = top.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (part.partition(": ") for part in fields)}
        while len(body) < int(headers.get("content-length", 0)):
            body += _receive(connection)
        return Request(line, headers, body, number)

    def _do(self, action: Action, connection: socket.socket, request: Request) -> None:
        """Raises OSError when the connection is to be closed."""
        if isinstance(action, bytes):
            connection.sendall(action)
        elif isinstance(action, SlowBytes):
            begun = time.monotonic()
            for sent in range(1, len(action.data) + 1):
                connection.sendall(action.data[sent - 1 : sent])
                due = begun + action.seconds * sent / len(action.data)
                self._do(max(due - time.monotonic(), 0.0), connection, request)
        elif isinstance(action, threading.Event):
            assert action.wait(20)
        elif action is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise OSError
        elif action is CUT:
            raise OSError
        else:
            seconds = action if isinstance(action, float | int) else 60  # of SILENCE
            if wait([connection], seconds):  # clients send nothing meanwhile: it is the end
                request.close()
                raise OSError


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise OSError
    return data


def make_certificate(folder: Path, name: str = "certificate") -> Path:
    """A file with a key and its self-signed certificate, for localhost and model.test. Skips without openssl."""
    if not shutil.which("openssl"):
        pytest.skip("openssl not installed")
    made = folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,DNS:model.test", "-keyout", "-", "-out", "-"]
    made.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return made
