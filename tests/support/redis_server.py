"""A Redis of a test's own: Debian's server, on a port of 127.0.0.1, that keeps nothing."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoConnectionError

from app.testing.server import eventually


class RedisServer:
    """Stop it, start it on the same port; `client` is for looking into it. With a certificate, which is a file with its
    key, it speaks TLS on a port besides. `address` is where it listens."""

    def __init__(self, folder: Path, certificate: Path | None = None, address: str = "127.0.0.1") -> None:
        self._folder, self._certificate, self._address = folder, certificate, address
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.tls_port: int = free.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"redis://{address}:{self.port}/0"
        self.client = Redis(host=address, port=self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--bind", self._address, "--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        options += ["--protected-mode", "no"]  # it is reached where the tests say
        if self._certificate:
            options += ["--tls-port", str(self.tls_port), "--tls-auth-clients", "no"]
            options += [word for what in ("cert", "key") for word in (f"--tls-{what}-file", str(self._certificate))]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), *options], stdout=log, stderr=log
            )
        eventually(self._answers, 20)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except NoConnectionError:
            return False

    def stop(self) -> None:
        if self._process:
            self.client.connection_pool.disconnect()
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def fill(self) -> None:
        """There is no room for anything more."""
        self.client.config_set("maxmemory", 1)

    def make_room(self) -> None:
        self.client.config_set("maxmemory", 0)


@contextmanager
def redis_server(folder: Path, certificate: Path | None = None, address: str = "127.0.0.1") -> Iterator[RedisServer]:
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is needed")
    server = RedisServer(folder, certificate, address)
    server.start()
    try:
        yield server
    finally:
        server.stop()
