"""Behind nginx, with proxy_pass alone or as config/nginx/ has it: tokens pass at once, leaving is noticed."""

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle

import pytest
from support.disconnects import MOMENTS, SECONDS, left_within
from support.nginx import Front, documented, needs_nginx, nginx
from support.wires import STREAMS, WIRES

from app.testing.caller import Caller
from app.testing.model_server import LAST, ModelServer, streamed
from app.testing.provider_apis import OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.sockets import body_of, read_all, read_until
from app.testing.wire_client import WireClient

SERVER = "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {target}; {directives} }} }}"
FRONTS = ("by default", "as documented")
DEAF = "deaf to X-Accel-Buffering"
PLAIN = {"by default": "", DEAF: "proxy_ignore_headers X-Accel-Buffering;"}
PAUSE = 1.0

pytestmark = [pytest.mark.timed, needs_nginx]
every_front = pytest.mark.parametrize("front", FRONTS)
every_stream = pytest.mark.parametrize("wire", STREAMS, ids=repr)


@pytest.fixture(scope="module")
def fronts(relay, tmp_path_factory) -> Iterator[Mapping[str, Front]]:
    fronts = {name: Front() for name in (*FRONTS, DEAF)}
    servers = [SERVER.format(port=fronts[name].port, target=relay.url, directives=more) for name, more in PLAIN.items()]
    servers.append(documented(fronts["as documented"], [f"127.0.0.1:{relay.port}"]))
    with nginx(tmp_path_factory.mktemp("nginx"), *servers, fronts=[*fronts.values()]):
        yield fronts


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
