"""A model server that says what a test scripts: bytes with pauses, cuts, resets, endless silence; it notes who asks."""

import contextlib
import json
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Self


class Ending(Enum):
    CUT = "closes the connection properly"
    RESET = "resets it"
    SILENCE = "says nothing more until the caller leaves"


@dataclass(frozen=True)
class SlowBytes:
    """Bytes that come one at a time, in so many seconds together: those that are late make up for it."""

    data: bytes
    seconds: float


CUT, RESET, SILENCE = Ending
Action = bytes | SlowBytes | float | threading.Event | Ending  # what to send, how long to pause, what to wait for
LAST = b"0\r\n\r\n"


@dataclass
class Request:
    """What came, and when its connection was closed by the one who sent it."""

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
    """`retry_after="3"` is the header Retry-After; chunked where no length is given."""
    fields = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if not {"content-length", "connection"} & fields.keys():
        fields["transfer-encoding"] = "chunked"
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def streamed(*steps: Action) -> list[Action]:
    """The head of a stream, and the pieces as a chunk each; an empty one would be the last."""
    return [head(), *(chunk(step) if isinstance(step, bytes) else step for step in steps if step != b"")]


def whole(data: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> list[Action]:
    return [head(status, content_type, content_length=str(len(data)), **headers) + data]


def sse(event: Any) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


class ModelServer:
    """Use with `with`. `answers` are played one a request; where none is left, `always` is asked for one.

    With a certificate it speaks TLS; with `proxy` it takes CONNECT first, and is the server behind it as well. `at` is
    where it listens.
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
        """Forget what was; the last of these answers is given to all further requests."""
        self.requests.clear()
        self.answers = list(answers[:-1])
        self.always = lambda _: answers[-1]

    def wait_for_request(self, number: int = 1, seconds: float = 5) -> Request:
        """The request of that number, waited for."""
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
                    for step in self.answers.pop(0) if self.answers else self.always(request):
                        self._do(step, connection, request)
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

    def _do(self, step: Action, connection: socket.socket, request: Request) -> None:
        """Raises OSError where the connection is over."""
        if isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, SlowBytes):
            begun = time.monotonic()
            for sent in range(1, len(step.data) + 1):
                connection.sendall(step.data[sent - 1 : sent])
                due = begun + step.seconds * sent / len(step.data)
                self._do(max(due - time.monotonic(), 0.0), connection, request)
        elif isinstance(step, threading.Event):
            assert step.wait(20)
        elif step is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise OSError
        elif step is CUT:
            raise OSError
        else:
            seconds = step if isinstance(step, float | int) else 60  # of SILENCE
            if select.select([connection], [], [], seconds)[0]:  # nobody asks twice: it is the end
                request.close()
                raise OSError


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise OSError
    return data


def make_certificate(folder: Path, name: str = "certificate") -> Path:
    """Key and self-signed certificate for localhost and model.test in one file."""
    made = folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,DNS:model.test", "-keyout", "-", "-out", "-"]
    made.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return made
