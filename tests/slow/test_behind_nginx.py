"""Behind nginx, with proxy_pass alone or as docs/deployment.md has it: tokens pass at once, leaving is noticed."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest
import requests
from support.disconnects import MOMENTS, SECONDS, left_within
from support.wires import STREAMS, WIRES

from app.testing.caller import Caller
from app.testing.model_server import LAST, ModelServer, streamed
from app.testing.provider_apis import OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import eventually
from app.testing.sockets import body_of, read_all, read_until
from app.testing.wire_client import WireClient

NGINX = "/usr/sbin/nginx"
CONFIG = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    {servers}
}}
"""
SERVER = "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {target}; {directives} }} }}"
FRONTS = {
    "by default": "",
    "as documented": 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;',
}
DEAF = "deaf to X-Accel-Buffering"
PAUSE = 1.0

pytestmark = [pytest.mark.timed, pytest.mark.skipif(not Path(NGINX).exists(), reason=f"there is no {NGINX}")]
every_front = pytest.mark.parametrize("front", FRONTS)
every_stream = pytest.mark.parametrize("wire", STREAMS, ids=repr)


@dataclass
class Front:
    """What a caller needs of a server: the proxy's address in the place of the server's own."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def fronts(relay, tmp_path_factory) -> Iterator[Mapping[str, Front]]:
    folder = tmp_path_factory.mktemp("nginx")
    directives = {**FRONTS, DEAF: "proxy_ignore_headers X-Accel-Buffering;"}
    free = [socket.create_server(("127.0.0.1", 0)) for _ in directives]
    fronts = {name: Front(listener.getsockname()[1]) for name, listener in zip(directives, free, strict=True)}
    for listener in free:
        listener.close()
    servers = (
        SERVER.format(port=fronts[name].port, target=relay.url, directives=directives[name]) for name in directives
    )
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, servers="\n    ".join(servers)))
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as running:
        try:
            for front in fronts.values():
                eventually(front.answers)
            yield fronts
        finally:
            running.terminate()
            running.wait(10)


@pytest.fixture(scope="module")
def behind(fronts, relay_keys) -> Callable[[str, WireClient, ProviderApi], Caller]:
    """A caller behind the proxy of that name."""
    return lambda name, wire, api: Caller(wire, fronts[name], relay_keys[wire.key_kind, f"{api}"])


def first_token_seconds(model_server: ModelServer, caller: Caller) -> float:
    """How long it takes to the caller, of an answer whose second token comes PAUSE later. The rest must come too."""
    first, second = OPENAI.text("first"), OPENAI.text("second")
    model_server.play([*streamed(first, PAUSE, second, OPENAI.end()), LAST])
    with caller.open("Hi") as connection:
        asked = time.monotonic()
        got = read_until(connection, b"first")
        seconds = time.monotonic() - asked
        got += read_all(connection)
    answer = caller.wire.decode(body_of(got))
    assert (answer.tokens, answer.ended, answer.error) == (["first", "second"], True, None)
    return seconds


@every_front
@every_stream
def test_the_first_token_comes_at_once(model_server, behind, front, wire: WireClient) -> None:
    assert first_token_seconds(model_server, behind(front, wire, OPENAI)) < PAUSE / 2


def test_a_proxy_that_is_deaf_to_the_header_keeps_the_first_token_to_itself(model_server, behind) -> None:
    """So the test before this one would tell if the header were missing."""
    assert first_token_seconds(model_server, behind(DEAF, STREAMS[0], OPENAI)) > PAUSE / 2


@every_front
@pytest.mark.parametrize(("moment", "api"), [*zip(MOMENTS, cycle(PROVIDER_APIS), strict=False)], ids=str)
def test_a_caller_who_leaves_is_noticed_as_soon(model_server, behind, front, api: ProviderApi, moment) -> None:
    model_server.play(MOMENTS[moment](api))
    with behind(front, WIRES[0], api).open(f"{front} {api} {moment}") as connection:
        asked = model_server.wait_for_request()
        if "mid-stream" in moment:
            read_until(connection, b"so far")
        else:
            time.sleep(0.05)  # nothing tells outside that it waits now
        left = time.monotonic()
    assert left_within(asked, left) < SECONDS
