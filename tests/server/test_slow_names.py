"""A name server that does not answer, in the whole server: who needs no name of it is answered as ever."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from support.storage import ALONE
from support.wires import Workers

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import ModelServer
from app.testing.provider_apis import OPENAI
from app.testing.server import GUNICORN, Server, eventually, script

MOUNT = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
SETTINGS = """
[models.far]
provider = "openai"
base_url = "http://model.test:{port}/v1"
model = "m-1"

[tools.http_request]
hosts = ["*.slow.test"]
private_hosts = ["own.test:{port}"]
seconds = 2

[agents.far]
model = "far"

[agents.prober]
model = "scripted"
tools = ["http_request"]
"""
CALLS = 20  # more than gevent has threads for names


pytestmark = [pytest.mark.timed, pytest.mark.mounts]


@pytest.fixture
def name_server() -> Iterator[socket.socket]:
    """Takes questions and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.53.53", 53))
        listener.settimeout(5)
        yield listener


@pytest.fixture
def server(tmp_path: Path, upstream: ModelServer, name_server: socket.socket) -> Iterator[Server]:
    resolv, hosts = tmp_path / "resolv.conf", tmp_path / "hosts"
    resolv.write_text(f"nameserver {name_server.getsockname()[0]}\n")
    hosts.write_text("127.0.0.1 localhost model.test own.test\n")
    server = Server(tmp_path / "server", config=CONFIG + SETTINGS.format(port=upstream.port))
    server.command = [*ALONE, "sh", "-c", MOUNT, "sh", resolv, hosts, *GUNICORN]
    with server:
        yield server


def asked_names(name_server: socket.socket, number: int) -> set[bytes]:
    """The first labels of so many different names that were asked for."""
    asked: set[bytes] = set()
    while len(asked) < number:
        question = name_server.recv(512)
        asked.add(question[13 : 13 + question[12]])
    return asked


def test_a_tool_whose_names_are_not_answered_stops_neither_models_nor_other_callers(
    server: Server, upstream: ModelServer, name_server: socket.socket
) -> None:
    upstream.play(OPENAI.answer("found"))
    prober = Caller(Workers(), server, server.key("secret", "prober"))
    asker = Caller(Workers(), server, server.key("secret", "far"))

    def probe(host: str) -> tuple[requests.Response, float]:
        begun = time.monotonic()
        args = {"url": f"http://{host}/"}
        return prober.ask(script({"call": "http_request", "args": args}, {"text": "x"})), time.monotonic() - begun

    with ThreadPoolExecutor(CALLS) as pool:
        probes = [pool.submit(probe, f"n{number}.slow.test") for number in range(CALLS)]
        asked_names(name_server, 4)
        begun = time.monotonic()
        answer = asker.ask("hi")
        seconds = time.monotonic() - begun
        assert asker.wire.decode(answer.content).text == "found"
        assert seconds < 1, f"{seconds:.2f} s"
        for done in probes:
            response, taken = done.result()
            assert prober.wire.decode(response.content).text == "x"
            assert taken < 4, "the tool's time limit is 2 s"
    refused = eventually(lambda: probe("late.slow.test")[1] < 0.5, 1)
    assert refused, "all threads wait still, so that nobody waits for them"
