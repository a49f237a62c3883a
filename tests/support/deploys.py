"""A server that ends and starts again as it does where nobody holds its port for it, and callers to whom that matters:
those whose answers are under way, and those who come meanwhile."""

import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from app.testing.caller import Caller
from app.testing.server import Server, script
from app.testing.sockets import body_of, read_all, read_until

_PROGRAM = ("app", "config", "wsgi.py", "pyproject.toml")


def let_go(server: Server) -> Server:
    """Of its port: where the server has ended, callers are refused there."""
    server._listener.close()
    return server


def start_again(server: Server) -> None:
    server._listener = socket.create_server(("127.0.0.1", server.port), backlog=2048)
    server.start()
    let_go(server)


class Streams:
    """Answers of so many words, one each `every` seconds, under way: begun as this is made."""

    def __init__(self, caller: Caller, number: int, words: int, every: float) -> None:
        self._caller, self._text = caller, "word " * words
        question = script({"text": "word ", "times": words, "every": every})
        with ThreadPoolExecutor(20) as pool:
            self._connections = list(pool.map(lambda _: caller.open(question), range(number)))
            self._begun = list(pool.map(lambda each: read_until(each, b"word "), self._connections))

    def cut(self, seconds: float) -> list[str]:
        """What those ended with that are not whole; all have ended within so many seconds."""
        with ThreadPoolExecutor(len(self._connections)) as pool:
            rest = list(pool.map(lambda each: read_all(each, seconds), self._connections))
        for each in self._connections:
            each.close()
        return [
            repr(end[-300:])
            for begun, end in zip(self._begun, rest, strict=True)
            if not end.endswith(b"0\r\n\r\n") or not self._is_whole(begun + end)
        ]

    def _is_whole(self, response: bytes) -> bool:
        answer = self._caller.wire.decode(body_of(response))
        return (answer.text, answer.ended, answer.error) == (self._text, True, None)


class Newcomers:
    """Who ask a question each, ten a second, on connections of their own: `told` says what became of how many."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self.longest = 0.0

    def ask(self, caller: Caller) -> None:
        began = time.monotonic()
        try:
            response = caller.ask(script({"text": "hi"}))
            ended = response.status_code != caller.wire.status or caller.wire.decode(response.content).ended
            what = f"{response.status_code}" if ended else "cut"
        except OSError as error:
            what = repr(error)
        self.told[what] += 1
        self.longest = max(self.longest, time.monotonic() - began)

    def were_served(self) -> bool:
        """But for those whose connection waited to be accepted in the very moment in which a server closed its port:
        nginx may not ask another one then, since the question is sent (502)."""
        return set(self.told) <= {"200", "502"} and self.told["502"] <= 2

    def __str__(self) -> str:
        return f"{dict(self.told)}, the longest {self.longest:.1f} s"


@contextmanager
def newcomers(caller: Caller) -> Iterator[Newcomers]:
    """They come meanwhile; at the end all have been told something."""
    came, over = Newcomers(), threading.Event()

    def come(pool: ThreadPoolExecutor) -> None:
        while not over.wait(0.1):
            pool.submit(came.ask, Caller(caller.wire, caller.server, caller.key))

    with ThreadPoolExecutor(64) as pool:
        coming = pool.submit(come, pool)
        try:
            yield came
        finally:
            over.set()
            coming.result(30)


def next_version(folder: Path, root: Path, migration: str, revision: str, before: str) -> Path:
    """A copy of the program of `root` that has one more migration, as a version to come will: `migration`, with its
    numbers."""
    folder.mkdir()
    for name in _PROGRAM:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    text = migration.format(revision=revision, before=before)
    (folder / "app/store/migrations/versions" / f"{revision}.py").write_text(text)
    return folder
