"""A Parlance under measurement, as it is deployed, and callers of its widget wire."""

import json
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from contenders import OURS, WIDGET, parlance
from load import load
from processes import family, free_port, running, settle, thread_seconds


@dataclass(frozen=True)
class Served:
    """One that runs; `pid` is gunicorn's, `worker` that of the process which serves."""

    port: int
    headers: dict[str, str]
    pid: int

    @property
    def worker(self) -> int:
        return family(self.pid)[1]

    def cpu(self) -> float:
        """Seconds that the worker has taken, to the microsecond where it waits just now."""
        return sum(thread_seconds(self.worker).values())

    def ask(self, session: str, *, ids: bool = False, **script: int) -> "Stream":
        """The script is bench/upstream.mjs's."""
        body = json.dumps({"sessionId": session, "message": json.dumps(script)}).encode()
        more = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return self._open("POST", "/v1/chat/stream", {**more, **_cursor("" if ids else None)}, body)

    def follow(self, session: str, cursor: str | None) -> "Stream":
        """The session's answer, with ids where there is a cursor, which may be empty."""
        return self._open("GET", f"/v1/chat/stream?sessionId={session}", _cursor(cursor))

    def stop(self, session: str) -> None:
        """Its answer, which would go on for a while where a caller with ids has left."""
        self._open("DELETE", f"/v1/chat/stream?sessionId={session}", {}).close()

    def _open(self, method: str, path: str, more: dict[str, str], body: bytes = b"") -> "Stream":
        connection = socket.create_connection(("127.0.0.1", self.port))
        headers = {"Host": "bench", "Connection": "close", **self.headers, **more}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return Stream(connection)


def _cursor(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {"Last-Event-ID": cursor}


class Stream:
    """What one caller hears, from the end of the head on. Ends the program where the caller is refused."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.tokens = 0
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        if not head.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"refused: {head.decode(errors='replace')}")
        self.turn_id = head.partition(b"X-Turn-Id: ")[2][:32].decode()

    def close(self) -> None:
        self.connection.close()

    def read(self) -> bool:
        """What has come, which is waited for; whether more may come."""
        piece = self.connection.recv(1 << 20)
        self.tokens += piece.count(WIDGET.marker.encode())
        return bool(piece)


def listen(streams: Sequence[Stream], seconds: float) -> None:
    """To all of them, each piece as it comes."""
    with DefaultSelector() as selector:
        for each in streams:
            selector.register(each.connection, EVENT_READ, each)
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.read()


@contextmanager
def callers(served: Served, **job: float) -> Iterator[Callable[[], dict[str, Any]]]:
    """As bench/load.py has them; the streams stay open until the end."""
    with load(served.port, WIDGET, served.headers, **{"ramp": 1, **job}) as running_load:
        yield running_load.figures
    settle(served.pid)


@contextmanager
def served(
    upstream: int, folder: Path, more: Mapping[str, str] | None = None, wsgi: str = "wsgi:app", programs: str = OURS
) -> Iterator[Served]:
    """The build in this folder, with `more` in its environment; `wsgi` is what gunicorn loads, and `programs` has the
    interpreter."""
    port, home = free_port(), Path(tempfile.mkdtemp())
    relay = parlance(upstream, port, home, folder, more, programs=programs)
    with running([*relay.command, wsgi], port, relay.env, folder) as pid:
        yield Served(port, relay.headers, pid)
    shutil.rmtree(home)
