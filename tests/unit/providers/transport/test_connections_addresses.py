"""Where model servers are found: IPv6, proxies named in lower case; and how many connections to one are kept."""

from collections.abc import Iterator, Mapping

import pytest

from app.engine.chunks import ModelFinished
from app.engine.messages import Usage
from app.providers.transport.connections import MOST_IDLE
from app.testing.model_server import SILENCE, Upstream, make_certificate, streamed, whole
from app.testing.provider_streams import SPEECHES, Speech, asking, let_go, outcome

FINISHED = ModelFinished("stop", Usage(3, 2))
NAMES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
every_speech = pytest.mark.parametrize("speech", SPEECHES, ids=repr)


@pytest.fixture(autouse=True)
def no_proxy_from_outside(monkeypatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def says_x(model) -> None:
    assert outcome(model) == ("x", FINISHED, None)


@pytest.fixture
def six() -> Iterator[Upstream]:
    with Upstream(at=("::1", 0)) as running:
        yield running
    let_go()


@every_speech
@pytest.mark.parametrize("path", ["", "/v1", "/v1/"])
def test_a_server_may_have_an_ipv6_address(six, speech: Speech, path) -> None:
    six.play(speech.answer("x"))
    model = speech.model(f"http://[::1]:{six.port}{path}")
    for _ in range(2):
        says_x(model)
    request = six.requests[0]
    assert request.line == f"POST {path.rstrip('/')}{speech.path} HTTP/1.1"
    assert request.headers["host"] == f"[::1]:{six.port}"
    assert [request.connection for request in six.requests] == [1, 1]


@pytest.fixture
def tunnel(tmp_path) -> Iterator[Upstream]:
    with Upstream(make_certificate(tmp_path), proxy=True) as running:
        yield running
    let_go()


@every_speech
def test_a_tunnel_to_an_ipv6_address_is_asked_for_in_brackets(upstream, monkeypatch, speech: Speech) -> None:
    upstream.play(whole(b"no", 407))
    monkeypatch.setenv("HTTPS_PROXY", upstream.url)
    outcome(speech.model("https://[::1]:8443/v1"))
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

    def find(speech: Speech, environment: Mapping[str, str], address: str) -> bool:
        with Upstream() as proxy, Upstream(at=(address, 0)) as server:
            for one in (proxy, server):
                one.play(speech.answer("x"))
            for name, value in environment.items():
                monkeypatch.setenv(name, value.replace("PROXY", proxy.url))
            says_x(speech.model(f"{server.url}/v1"))
            (request,) = proxy.requests + server.requests
            whole_address = server.url if proxy.requests else ""
            assert request.line == f"POST {whole_address}/v1{speech.path} HTTP/1.1"
            return bool(proxy.requests)

    yield find
    let_go()


@every_speech
@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENTS, ids=str)
def test_lower_case_names_a_proxy_too_and_wins(asked, speech: Speech, environment, expected) -> None:
    assert asked(speech, environment, "127.0.0.1") is expected


@every_speech
@pytest.mark.parametrize(("environment", "expected"), OF_IPV6, ids=str)
def test_an_ipv6_address_is_excepted_in_brackets_and_without(asked, speech: Speech, environment, expected) -> None:
    assert asked(speech, environment, "::1") is expected


@every_speech
def test_lower_case_names_a_proxy_for_encrypted_models_too(tunnel, tmp_path, monkeypatch, speech: Speech) -> None:
    tunnel.play(speech.answer("x"))
    monkeypatch.setenv("https_proxy", tunnel.url)
    monkeypatch.setenv("http_proxy", NOWHERE)
    says_x(speech.model("https://model.test/v1", ca_file=str(tmp_path / "certificate.pem")))
    assert [connect.line for connect in tunnel.connects] == ["CONNECT model.test:443 HTTP/1.1"]


@every_speech
def test_no_more_than_the_most_idle_connections_are_kept(upstream, speech: Speech) -> None:
    upstream.play(speech.answer("x"))
    model, more = speech.model(upstream.url), 5
    for _ in range(2):
        streams = [model.open(asking(), 5) for _ in range(MOST_IDLE + more)]
        for stream in streams:
            assert [chunk for batch in stream for chunk in batch][-1] == FINISHED
    first, second = upstream.requests[: MOST_IDLE + more], upstream.requests[MOST_IDLE + more :]
    kept = {request.connection for request in first} & {request.connection for request in second}
    assert len(kept) == MOST_IDLE
    assert [request.closed.wait(1) for request in first if request.connection not in kept] == [True] * more


@every_speech
def test_a_broken_stream_among_many_costs_no_other_its_connection(upstream, speech: Speech) -> None:
    model = speech.model(upstream.url)
    upstream.play([*streamed(speech.begin, speech.text("x")), SILENCE], speech.answer("x"))
    broken = model.open(asking(), 5)
    others = [model.open(asking(), 5) for _ in range(5)]
    broken.close()
    assert [len(list(stream)) > 0 for stream in others] == [True] * 5
    for stream in [model.open(asking(), 5) for _ in range(5)]:
        list(stream)
    assert {request.connection for request in upstream.requests} == {1, 2, 3, 4, 5, 6}
