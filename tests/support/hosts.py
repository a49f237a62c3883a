"""Two hosts: servers with home folders of their own, on one PostgreSQL and one Redis, to each of which each has a way
that can be hurt. And the words of answers, as who listens at one of them hears them."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from support.clocks import Clock
from support.proxy import Proxy, pass_on, proxy
from support.redis_server import RedisServer, redis_server

from app.testing.asked import Asked
from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.postgres import Postgres, shared_postgres
from app.testing.server import Server, eventually
from app.testing.wire_client import WireClient

SECRET = "s" * 40
WORKERS = "SELECT id FROM workers"


@dataclass
class Host:
    server: Server
    to_redis: Proxy
    to_postgres: Proxy

    def mend(self) -> None:
        for way in (self.to_redis, self.to_postgres):
            way.mend()
            way.answer = way.ask = pass_on

    def ready(self) -> tuple[int, Mapping[str, Any]]:
        """The status of /ready, and its checks."""
        answer = requests.get(f"{self.server.url}/ready", timeout=10)
        return answer.status_code, answer.json()["checks"]

    def is_well(self) -> bool:
        status, checks = self.ready()
        return (status, checks["database"], checks["redis"]) == (200, "ok", "ok")

    def told(self, words: str, since: int = 0) -> int:
        """How often the log has a line with these words, among those behind the first `since`."""
        return sum(words in line["message"] for line in self.server.log()[since:])

    def log_length(self) -> int:
        return len(self.server.log())

    def processes(self) -> Sequence[int]:
        return [self.server.master_pid(), *self.server.worker_pids()]

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still meanwhile."""
        with stopped(self.processes()):
            yield


@dataclass
class Hosts:
    a: Host
    b: Host
    postgres: Postgres
    redis: RedisServer
    clock: Clock | None  # of b, where it can be set

    def mend(self) -> None:
        """Whatever was done, until both are as if nothing had been, and know each other."""
        for host in (self.a, self.b):
            host.mend()
        eventually(lambda: self.a.is_well() and self.b.is_well(), 30)
        eventually(lambda: len(self.a.server.rows(WORKERS)) == 2, 20)

    def caller(self, wire: WireClient, at: str = "a", **more: str) -> Caller:
        """With a key of their own and a budget; they ask at this host, and come back at the other one."""
        here, there = (self.a, self.b) if at == "a" else (self.b, self.a)
        key = here.server.key(wire.key_kind, "open", "--credits", "1000")
        return Caller(wire, here.server, key, there.server)


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def two_hosts(folder: Path, config: str = CONFIG) -> Iterator[Hosts]:
    shared_postgres()  # skips where there is none
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        redis = stack.enter_context(redis_server(folder))
        name = postgres.new_database()
        clock = Clock.at(folder / "clock")
        hosts = [
            stack.enter_context(
                _host(folder / each, config, postgres, name, redis, clock=clock if each == "b" else None)
            )
            for each in "ab"
        ]
        made = Hosts(*hosts, postgres, redis, clock)
        made.mend()
        yield made


@contextmanager
def _host(
    folder: Path, config: str, postgres: Postgres, name: str, redis: RedisServer, *, clock: Clock | None
) -> Iterator[Host]:
    with proxy(redis.port) as to_redis, proxy(postgres.port) as to_postgres:
        url = postgres.url(name)
        env = {
            "DATABASE_URL": url.replace(f":{postgres.port}/", f":{to_postgres.port}/"),
            "REDIS_URL": f"redis://127.0.0.1:{to_redis.port}/0",
            "PARLANCE_SECRET_KEY": SECRET,
            **(clock.env if clock else {}),
        }
        server = Server(folder, config=config, env=env)
        server.database_url = url  # the tests look into it whatever becomes of that way
        with server:
            yield Host(server, to_redis, to_postgres)


def spoken_in(seconds: float, *, begin: str = "so far ") -> tuple[Sequence[Mapping[str, Any]], str]:
    """The cues of an answer that takes so long, a word at a time, and its text."""
    every = 0.1 if seconds < 10 else 0.4  # a question has a length
    said = [f"w{each} " for each in range(round(seconds / every))]
    return [{"text": begin}, *({"text": word, "every": every} for word in said)], begin + "".join(said)


def listening(asked: Asked) -> requests.Response:
    """Who listens to the answer from its first word on, at the host where its caller comes back."""
    return asked.read_on(f"{asked.answer_id}.0", stream=True)


def heard(response: requests.Response) -> tuple[bytes, float]:
    """All that came, and the longest time between two pieces of it."""
    body, longest, before = b"", 0.0, time.monotonic()
    for piece in response.iter_content(None):
        now = time.monotonic()
        longest, before = max(longest, now - before), now
        body += piece
    return body, longest
