"""A caller who leaves ends what runs upstream, at once: real callers, the real server, a real model server."""

import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from raw import read_until
from server import CONFIG, Server, eventually
from speeches import SPEECHES, Speech
from upstream import SILENCE, Request, Upstream, streamed
from wires import WIRES, Caller, Wire

NGINX = "/usr/sbin/nginx"
SECONDS = 0.2  # 0.1 promised, as much again for scheduling


def configuration(upstream: Upstream) -> str:
    """The shared configuration, and an agent on the model server for each provider."""
    added = "".join(
        f"""
[models.{speech}]
provider = "{speech}"
base_url = "{upstream.url}/v1"
model = "m-1"

[agents.{speech}]
model = "{speech}"
tools = ["calculator"]
"""
        for speech in SPEECHES
    )
    return CONFIG + added


@pytest.fixture(scope="module")
def model_server() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def relay(model_server, tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("relay"), config=configuration(model_server)) as running:
        yield running


@pytest.fixture(scope="module")
def keys(relay) -> dict[tuple[str, str], str]:
    return {(kind, f"{s}"): relay.key(kind, f"{s}") for kind in ("widget", "secret") for s in SPEECHES}


@pytest.fixture
def caller(relay, keys, wire: Wire, speech: Speech) -> Caller:
    return Caller(wire, relay, keys[wire.key_kind, f"{speech}"])


def left_within(request: Request, left: float) -> float:
    assert request.closed.wait(5), "the model server never hears of it"
    return request.closed_at - left


MOMENTS = {
    "before the response head has come": lambda _: [SILENCE],
    "before the first token": lambda speech: [*streamed(speech.begin), SILENCE],
    "while only pings come": lambda speech: streamed(*[speech.ping, 0.05] * 99),
    "in mid-stream, while it is silent": lambda speech: [*streamed(speech.begin, speech.text("so far")), SILENCE],
    "in mid-stream, while it speaks": lambda speech: [*streamed(speech.begin, *[speech.text("so far"), 0.02] * 500)],
}

every_wire = pytest.mark.parametrize("wire", WIRES, ids=repr)
every_speech = pytest.mark.parametrize("speech", SPEECHES, ids=repr)


@every_wire
@every_speech
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_caller_who_leaves_closes_the_connection_upstream(model_server, caller: Caller, speech, moment) -> None:
    model_server.play(MOMENTS[moment](speech))
    question = f"{caller.wire} {speech} {moment}"
    with caller.open(question) as connection:
        asked = model_server.asked()
        if "mid-stream" in moment and caller.wire.streamed:
            read_until(connection, b"so far")
        else:
            time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
    answered = eventually(lambda: caller.stored(question)[1:])[0]
    assert answered["status"] == "interrupted"
    assert len(model_server.requests) == 1, "nobody asks again for somebody who left"
    assert eventually(lambda: streams(caller.server) == 0)


def streams(relay: Server) -> int:
    return int(requests.get(f"{relay.url}/ready", timeout=5).json()["checks"]["streams"])


@every_speech
def test_a_caller_who_leaves_in_a_later_round_closes_that_rounds_connection(model_server, relay, keys, speech) -> None:
    call = speech.call(0, "calculator", {"expression": "2+2"})
    first = [*streamed(speech.begin, speech.text("so far"), call, speech.end("tool_calls")), b"0\r\n\r\n"]
    model_server.play(first, [SILENCE])
    with Caller(WIRES[0], relay, keys["secret", f"{speech}"]).open(f"rounds of {speech}") as connection:
        read_until(connection, b"so far")
        asked = model_server.asked(2)
        time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
    answered = eventually(lambda: Caller(WIRES[0], relay, "").stored(f"rounds of {speech}")[1:])[0]
    assert answered["status"] == "interrupted"
    assert [part["type"] for part in answered["parts"]] == ["text", "tool-call", "tool-result"]


NGINX_CONFIG = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {target};
            proxy_http_version 1.1;
            proxy_buffering off;
        }}
    }}
}}
"""


@dataclass
class Front:
    """What a caller needs of a server: the proxy's address in the place of the server's own."""

    port: int


@pytest.fixture(scope="module")
def proxy(relay, tmp_path_factory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(NGINX_CONFIG.format(folder=folder, port=port, target=relay.url))
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as running:
        try:
            eventually(lambda: answers(port))
            yield Front(port)
        finally:
            running.terminate()
            running.wait(10)


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.skipif(not Path(NGINX).exists(), reason=f"there is no {NGINX}")
@every_speech
@pytest.mark.parametrize("moment", MOMENTS)
def test_behind_nginx_it_is_the_same(model_server, proxy, keys, speech: Speech, moment) -> None:
    model_server.play(MOMENTS[moment](speech))
    wire = WIRES[0]
    with Caller(wire, proxy, keys[wire.key_kind, f"{speech}"]).open(f"nginx {speech} {moment}") as connection:
        asked = model_server.asked()
        if "mid-stream" in moment:
            read_until(connection, b"so far")
        else:
            time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
