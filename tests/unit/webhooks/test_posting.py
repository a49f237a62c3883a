"""One request to a receiver that answers, fails, stalls, lies, or is somewhere where it may not be."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest
from standardwebhooks import Webhook as Verifier
from support.http_request_tool import Names

from app.testing.model_server import CUT, RESET, SILENCE, ModelServer, SlowBytes, head, whole
from app.tools.http_request.hosts import parse_url
from app.webhooks.options import Webhook
from app.webhooks.posting import Poster, PostError

SECRET = b"correct horse battery staple"


@pytest.fixture
def receiver() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def webhook(url: str, *, private: bool = True) -> Webhook:
    return Webhook(parse_url(url), frozenset(), None, private, SECRET)


def failure(url: str, *, private: bool = True, seconds: float = 0.5, names: Names | None = None) -> str:
    with pytest.raises(PostError) as error:
        Poster(seconds, names).post(webhook(url, private=private), "id", "{}")
    return str(error.value)


def test_a_request_is_signed_and_says_what_it_is(receiver) -> None:
    receiver.play(whole(b"thanks", 202))
    answer = Poster().post(webhook(f"{receiver.url}/hook?a=1"), "0a1b", '{"type":"x"}')
    assert (answer.status, answer.body, answer.wait) == (202, "thanks", None)
    (request,) = receiver.requests
    assert request.line == "POST /hook?a=1 HTTP/1.1"
    assert Verifier(SECRET).verify(request.data, dict(request.headers)) == {"type": "x"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "0a1b"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(receiver, status) -> None:
    with ModelServer() as elsewhere:
        receiver.play(whole(b"", status, location=f"{elsewhere.url}/"))
        assert Poster().post(webhook(receiver.url), "id", "{}").status == status
        assert not elsewhere.requests


def test_what_a_receiver_asks_for_is_told(receiver) -> None:
    receiver.play(whole(b"", 503, retry_after="7"))
    assert Poster().post(webhook(receiver.url), "id", "{}").wait == 7


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([SILENCE], "no whole answer within 0.5 s"),
        ([SlowBytes(head(200), 30)], "no whole answer within 0.5 s"),
        ([CUT], "no HTTP"),
        ([RESET], "does not answer"),
        ([b"hello\r\n\r\n", CUT], "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30_000], "no HTTP|too large"),
    ],
)
def test_a_receiver_that_does_not_answer_properly_has_failed_in_time(receiver, actions, words) -> None:
    receiver.play(actions)
    said = failure(receiver.url)
    assert any(each in said for each in words.split("|")), said


def test_a_receiver_without_tls_is_told_from_one_that_is_away() -> None:
    def refuse() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        plain = Thread(target=refuse)
        plain.start()
        assert failure(f"https://127.0.0.1:{port}/") == f"127.0.0.1 speaks no TLS on port {port}, or none that is safe"
        plain.join()
    assert failure(f"https://127.0.0.1:{port}/") == "127.0.0.1 does not answer"


def test_a_body_without_end_is_not_read_to_its_end(receiver) -> None:
    receiver.play([head(200), *[b"1000\r\n" + b"x" * 4096 + b"\r\n"] * 1000])
    assert len(Poster().post(webhook(receiver.url), "id", "{}").body) <= 4096


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "fe80::1", "::1", "fd00:ec2::254"])
def test_a_name_whose_address_is_not_public_is_not_connected_to(address) -> None:
    names = Names({"hook.example": [[address]]})
    assert failure("https://hook.example/", private=False, names=names).endswith("may not be reached.")


def test_a_service_of_ones_own_may_be_private_and_never_a_clouds_metadata() -> None:
    names = Names({"hook.example": [["169.254.169.254"]]})
    assert failure("http://hook.example/", names=names).endswith("may not be reached.")
