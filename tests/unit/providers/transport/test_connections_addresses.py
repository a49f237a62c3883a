"""Where model servers are found: IPv6 addresses, proxies, tunnels, and the names of proxies in the environment."""

import base64
from collections.abc import Iterator, Mapping

import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import Problem
from app.engine.messages import Usage
from app.testing.model_server import CUT, ModelServer, make_certificate, whole
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi, close_idle_connections, outcome

FINISHED = ModelFinished("stop", Usage(3, 2))
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tunnel(certificate) -> Iterator[ModelServer]:
    with ModelServer(certificate, proxy=True) as running:
        yield running
    close_idle_connections()


@every_api
def test_a_tunnel_to_an_ipv6_address_is_asked_for_in_brackets(upstream, monkeypatch, api: ProviderApi) -> None:
    upstream.play(whole(b"no", 407))
    monkeypatch.setenv("HTTPS_PROXY", upstream.url)
    outcome(api.model("https://[::1]:8443/v1"))
    assert upstream.requests[0].line == "CONNECT [::1]:8443 HTTP/1.1"
    assert upstream.requests[0].headers["host"] == "[::1]:8443"


@every_api
@pytest.mark.parametrize("written", ["http://{}", "{}", "http://{}/"])
def test_plain_http_goes_through_the_proxy_with_the_whole_address(upstream, monkeypatch, api, written) -> None:
    upstream.play(api.answer("x"))
    monkeypatch.setenv("HTTP_PROXY", written.format(f"127.0.0.1:{upstream.port}"))
    says_x(api.model("http://model.test:81/v1"))
    request = upstream.requests[0]
    assert request.line == f"POST http://model.test:81/v1{api.path} HTTP/1.1"
    assert request.headers["host"] == "model.test:81"


@every_api
@pytest.mark.parametrize("port", ["", ":8443"])
def test_https_goes_through_a_tunnel(tunnel, certificate, monkeypatch, api: ProviderApi, port) -> None:
    tunnel.play(api.answer("x"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://us%40er:pa%3Ass@127.0.0.1:{tunnel.port}")
    says_x(api.model(f"https://model.test{port}/v1", ca_file=str(certificate)))
    (connect,) = tunnel.connects
    assert connect.line == f"CONNECT model.test{port or ':443'} HTTP/1.1"
    assert base64.b64decode(connect.headers["proxy-authorization"].removeprefix("Basic ")) == b"us@er:pa:ss"
    assert tunnel.requests[0].line == f"POST /v1{api.path} HTTP/1.1"
    assert "proxy-authorization" not in tunnel.requests[0].headers


@every_api
@pytest.mark.parametrize(
    "answer", [whole(b"no", 407), [CUT], [b"nonsense\r\n\r\n"]], ids=["refused", "cut", "nonsense"]
)
def test_a_proxy_that_builds_no_tunnel_is_a_failure(upstream, monkeypatch, api: ProviderApi, answer) -> None:
    upstream.play(answer)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{upstream.port}")
    failure = outcome(api.model("https://model.test/v1"))[2]
    assert failure is Problem.UPSTREAM_FAILED


@every_api
@pytest.mark.parametrize("excepted", ["127.0.0.1", "localhost,127.0.0.1", "*"])
def test_no_proxy_is_asked_for_the_hosts_that_are_excepted(upstream, monkeypatch, api: ProviderApi, excepted) -> None:
    upstream.play(api.answer("x"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", excepted)
    says_x(api.model(upstream.url))


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
def test_lower_case_names_a_proxy_for_encrypted_models_too(tunnel, certificate, monkeypatch, api: ProviderApi) -> None:
    tunnel.play(api.answer("x"))
    monkeypatch.setenv("https_proxy", tunnel.url)
    monkeypatch.setenv("http_proxy", NOWHERE)
    says_x(api.model("https://model.test/v1", ca_file=str(certificate)))
    assert [connect.line for connect in tunnel.connects] == ["CONNECT model.test:443 HTTP/1.1"]
