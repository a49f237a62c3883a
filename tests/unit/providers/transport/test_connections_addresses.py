"""Where model servers are found: IPv6, proxies named in lower case; and how many connections to one are kept."""

from collections.abc import Iterator, Mapping

import pytest

from app.engine.chunks import ModelFinished
from app.engine.messages import Usage
from app.providers.transport.connections import MOST_IDLE
from app.testing.model_server import SILENCE, ModelServer, make_certificate, streamed, whole
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi, close_idle_connections, make_prompt, outcome

FINISHED = ModelFinished("stop", Usage(3, 2))
NAMES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


@pytest.fixture(autouse=True)
def no_proxy_from_outside(monkeypatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def says_x(model) -> None:
    assert outcome(model) == ("x", FINISHED, None)


@pytest.fixture
def six() -> Iterator[ModelServer]:
    with ModelServer(at=("::1", 0)) as running:
        yield running
    close_idle_connections()


@every_api
@pytest.mark.parametrize("path", ["", "/v1", "/v1/"])
def test_a_server_may_have_an_ipv6_address(six, api: ProviderApi, path) -> None:
    six.play(api.answer("x"))
    model = api.model(f"http://[::1]:{six.port}{path}")
    for _ in range(2):
        says_x(model)
    request = six.requests[0]
    assert request.line == f"POST {path.rstrip('/')}{api.path} HTTP/1.1"
    assert request.headers["host"] == f"[::1]:{six.port}"
    assert [request.connection for request in six.requests] == [1, 1]


@pytest.fixture
def tunnel(tmp_path) -> Iterator[ModelServer]:
    with ModelServer(make_certificate(tmp_path), proxy=True) as running:
        yield running
    close_idle_connections()


@every_api
def test_a_tunnel_to_an_ipv6_address_is_asked_for_in_brackets(upstream, monkeypatch, api: ProviderApi) -> None:
    upstream.play(whole(b"no", 407))
    monkeypatch.setenv("HTTPS_PROXY", upstream.url)
    outcome(api.model("https://[::1]:8443/v1"))
    assert upstream.requests[0].line == "CONNECT [::1]:8443 HTTP/1.1"
    assert upstream.requests[0].headers["host"] == "[::1]:8443"


NOWHERE = "http://127.0.0.1:1"
ENVIRONMENTS = [  # PROXY is the proxy's address
    ({"http_proxy": "PROXY"}, True),
    ({"http_proxy": "PROXY", "HTTP_PROXY": NOWHERE}, True),
    ({"http_proxy": "PROXY", "no_proxy": "other.test"}, True),
    ({"http_proxy": "PROXY", "no_proxy": "127.0.0.2,127.0.0"}, True),
    ({"http_proxy": "PROXY", "no_proxy": "other.test", "NO_PROXY": "127.0.0.1"}, True),
    ({"http_proxy": NOWHERE, "no_proxy": "127.0.0.1"}, False),
    ({"http_proxy": NOWHERE, "no_proxy": "other.test, 127.0.0.1"}, False),
    ({"http_proxy": NOWHERE, "no_proxy": "*"}, False),
    ({"http_proxy": NOWHERE, "no_proxy": "127.0.0.1", "NO_PROXY": "other.test"}, False),
    ({"http_proxy": NOWHERE, "NO_PROXY": "127.0.0.1"}, False),
    ({"HTTP_PROXY": NOWHERE, "no_proxy": "127.0.0.1"}, False),
    ({"http_proxy": "", "HTTP_PROXY": NOWHERE}, False),
    ({"https_proxy": NOWHERE}, False),
    ({"all_proxy": NOWHERE}, False),
]
OF_IPV6 = [
    ({"http_proxy": "PROXY"}, True),
    ({"http_proxy": "PROXY", "no_proxy": "127.0.0.1,localhost"}, True),
    ({"http_proxy": "PROXY", "no_proxy": "::2,1"}, True),
    ({"http_proxy": NOWHERE, "no_proxy": "[::1]"}, False),
    ({"http_proxy": NOWHERE, "no_proxy": "::1"}, False),
    ({"http_proxy": NOWHERE, "NO_PROXY": "localhost, ::1"}, False),
    ({"http_proxy": NOWHERE, "no_proxy": "*"}, False),
]


@pytest.fixture
def asked(monkeypatch):
    """Whether the proxy is asked for a server at that address."""

    def find(api: ProviderApi, environment: Mapping[str, str], address: str) -> bool:
        with ModelServer() as proxy, ModelServer(at=(address, 0)) as server:
            for one in (proxy, server):
                one.play(api.answer("x"))
            for name, value in environment.items():
                monkeypatch.setenv(name, value.replace("PROXY", proxy.url))
            says_x(api.model(f"{server.url}/v1"))
            (request,) = proxy.requests + server.requests
            whole_address = server.url if proxy.requests else ""
            assert request.line == f"POST {whole_address}/v1{api.path} HTTP/1.1"
            return bool(proxy.requests)

    yield find
    close_idle_connections()


@every_api
@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENTS, ids=str)
def test_lower_case_names_a_proxy_too_and_wins(asked, api: ProviderApi, environment, expected) -> None:
    assert asked(api, environment, "127.0.0.1") is expected


@every_api
@pytest.mark.parametrize(("environment", "expected"), OF_IPV6, ids=str)
def test_an_ipv6_address_is_excepted_in_brackets_and_without(asked, api: ProviderApi, environment, expected) -> None:
    assert asked(api, environment, "::1") is expected


@every_api
def test_lower_case_names_a_proxy_for_encrypted_models_too(tunnel, tmp_path, monkeypatch, api: ProviderApi) -> None:
    tunnel.play(api.answer("x"))
    monkeypatch.setenv("https_proxy", tunnel.url)
    monkeypatch.setenv("http_proxy", NOWHERE)
    says_x(api.model("https://model.test/v1", ca_file=str(tmp_path / "certificate.pem")))
    assert [connect.line for connect in tunnel.connects] == ["CONNECT model.test:443 HTTP/1.1"]


@every_api
def test_no_more_than_the_most_idle_connections_are_kept(upstream, api: ProviderApi) -> None:
    upstream.play(api.answer("x"))
    model, more = api.model(upstream.url), 5
    for _ in range(2):
        streams = [model.open(make_prompt(), 5) for _ in range(MOST_IDLE + more)]
        for stream in streams:
            assert [chunk for batch in stream for chunk in batch][-1] == FINISHED
    first, second = upstream.requests[: MOST_IDLE + more], upstream.requests[MOST_IDLE + more :]
    kept = {request.connection for request in first} & {request.connection for request in second}
    assert len(kept) == MOST_IDLE
    assert [request.closed.wait(1) for request in first if request.connection not in kept] == [True] * more


@every_api
def test_a_broken_stream_among_many_costs_no_other_its_connection(upstream, api: ProviderApi) -> None:
    model = api.model(upstream.url)
    upstream.play([*streamed(api.begin, api.text("x")), SILENCE], api.answer("x"))
    broken = model.open(make_prompt(), 5)
    others = [model.open(make_prompt(), 5) for _ in range(5)]
    broken.close()
    assert [len(list(stream)) > 0 for stream in others] == [True] * 5
    for stream in [model.open(make_prompt(), 5) for _ in range(5)]:
        list(stream)
    assert {request.connection for request in upstream.requests} == {1, 2, 3, 4, 5, 6}
