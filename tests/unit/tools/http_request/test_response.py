"""What `http_request` makes of what servers answer: bounded, whatever they send, and never longer than its limit."""

import json
import time

import gevent
import pytest
from support.http_request_tool import Requester

from app.testing.model_server import CUT, LAST, RESET, SILENCE, ModelServer, chunk, head, make_certificate, whole
from app.tools.http_request.response import MOST_BODY_BYTES, MOST_BODY_IN_RESULT
from app.tools.toolbox import MOST_RESULT_BYTES

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def server():
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def requester(server) -> Requester:
    return configured(server, methods=("GET", "HEAD", "POST"))


def configured(server: ModelServer, **options) -> Requester:
    return Requester(private=[f"own.test:{server.port}"], names={"own.test": [["127.0.0.1"]]}, **options)


def url(server: ModelServer, path: str = "/", scheme: str = "http") -> str:
    return f"{scheme}://own.test:{server.port}{path}"


@pytest.fixture
def ask(server, requester):
    """The result, where the server plays these steps."""

    def put(*steps, path: str = "/", **args):
        server.play(steps)
        return requester.ask(url(server, path), **args)

    return put


@pytest.fixture
def refused(server, requester):
    def put(*steps, **args):
        server.play(steps)
        return requester.refused(url(server), **args)

    return put


def test_json_is_parsed_and_everything_else_is_text(ask) -> None:
    assert ask(*whole(b'{"state": "on its way"}', content_type="application/json; charset=utf-8")) == {
        "status": 200,
        "contentType": "application/json; charset=utf-8",
        "body": {"state": "on its way"},
        "truncated": False,
    }
    assert ask(*whole(b'{"a": 1}', 404, "application/problem+json"))["body"] == {"a": 1}
    assert ask(*whole(b'{"a": 1}', content_type="text/plain"))["body"] == '{"a": 1}'
    assert ask(*whole(b'{"a": ', content_type="application/json"))["body"] == '{"a": '
    assert ask(*whole(b"", 204))["body"] == ""
    assert ask(OK + b"Content-Length: 2\r\n\r\nhi")["contentType"] == ""


def test_the_request_is_what_was_asked_for_and_carries_nothing_of_ours(server, ask) -> None:
    ask(*whole(b"hello"), path="/orders?number=7&x=%20#part")
    (request,) = server.requests
    assert request.line == "GET /orders?number=7&x=%20 HTTP/1.1"
    assert request.headers == {
        "host": f"own.test:{server.port}",
        "accept-encoding": "identity",
        "user-agent": "Parlance",
        "connection": "close",
    }


def test_a_body_is_sent_as_json_with_the_methods_that_take_one(server, ask, refused) -> None:
    ask(*whole(b"{}"), method="POST", json={"name": "Zoë", "none": None})
    (request,) = server.requests
    assert (request.line, request.json) == ("POST / HTTP/1.1", {"name": "Zoë", "none": None})
    assert request.headers["content-type"] == "application/json"
    ask(*whole(b"{}"), method="POST", json=None)
    assert server.requests[0].data == b"null"
    assert ask(head(content_length="5000"), method="HEAD")["body"] == ""
    for method in ("GET", "HEAD"):
        assert refused(*whole(b""), method=method, json={}) == f"{method} takes no body."
    assert refused(*whole(b""), method="POST", json="x" * 65_536) == "The body is too large."
    assert refused(*whole(b""), method="POST", json="\ud800") == "The body cannot be sent as JSON."
    assert server.requests == []


def test_only_the_methods_that_are_listed_are_taken(server) -> None:
    server.play(whole(b"hello"))
    for methods, asked in ((("GET",), "POST"), (("GET",), "get"), (("POST",), "GET"), (("GET",), "G\r\nX: y")):
        reason = configured(server, methods=methods).refused(url(server), method=asked)
        assert reason.startswith("The arguments are wrong: {'method': ['Must be one of: ")
    assert "Unknown field" in configured(server).refused(url(server), json={})
    assert configured(server, methods=("PUT",)).ask(url(server))["status"] == 200
    assert [request.line.split()[0] for request in server.requests] == ["PUT"], "the default is the only one there is"


@pytest.mark.parametrize("size", [MOST_BODY_BYTES - 1, MOST_BODY_BYTES, MOST_BODY_BYTES + 1, 10_000_000])
@pytest.mark.parametrize("framing", ["a length", "chunks", "the end of the connection"])
def test_a_body_is_read_as_far_as_it_may_be_told(server, ask, size, framing) -> None:
    steps = {
        "a length": [head(content_type="text/plain", content_length=str(size)), b"x" * size],
        "chunks": [head(content_type="text/plain"), chunk(b"x" * 100), chunk(b"x" * (size - 100)), LAST],
        "the end of the connection": [head(content_type="text/plain", connection="close"), b"x" * size, CUT],
    }[framing]
    answer = ask(*steps)
    assert len(answer["body"]) == min(size, MOST_BODY_BYTES)
    assert answer["truncated"] is (size > MOST_BODY_BYTES)
    assert server.requests[0].closed.wait(5)


@pytest.mark.parametrize(
    "body",
    [
        b"\x01" * MOST_BODY_BYTES,
        b"\xff" * MOST_BODY_BYTES,
        b'"' * MOST_BODY_BYTES,
        b"\n" * MOST_BODY_BYTES,
        "\U0001f600".encode() * 9999,
    ],
    ids=["control characters", "bytes", "quotation marks", "lines", "emoji"],
)
def test_a_text_that_grows_in_json_is_cut_until_it_fits(ask, body) -> None:
    answer = ask(*whole(body, content_type="text/plain"))
    assert answer["truncated"]
    assert (
        MOST_BODY_IN_RESULT * 3 / 4
        < len(json.dumps(answer["body"], ensure_ascii=False).encode())
        <= MOST_BODY_IN_RESULT
    )
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= MOST_RESULT_BYTES


@pytest.mark.parametrize(
    "body",
    [b"[" * 100 + b"]" * 100, b"[" * 12_000 + b"]" * 12_000, b"[" + b"1e15," * 4000 + b"1]", b'"\\ud800"', b"NaN"],
    ids=["deep", "very deep", "numbers that grow", "a lone surrogate", "no JSON"],
)
def test_json_that_cannot_be_told_as_such_is_text(ask, body) -> None:
    answer = ask(*whole(body))
    assert (answer["body"], answer["truncated"]) == (body.decode(), False)


def test_json_that_is_cut_is_text(ask) -> None:
    answer = ask(*whole(b"[" + b"1," * MOST_BODY_BYTES + b"1]"))
    assert answer["truncated"]
    assert answer["body"].startswith("[1,1,")


@pytest.mark.parametrize(
    ("content_type", "data", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"Zo\xeb \x80", "Zoë €"),
        ("text/plain; charset=utf-8", "Zoë".encode(), "Zoë"),
        ("text/plain; charset=utf-7", b"+AGE-", "+AGE-"),
        ("text/plain; charset=hex", b"4142", "4142"),
        ("text/plain; charset=\xff\xfe", b"plain", "plain"),
        ("text", b"\xff", "\ufffd"),
    ],
)
def test_a_text_is_read_in_a_few_encodings_and_never_fails(ask, content_type, data, text) -> None:
    body = OK + f"Content-Type: {content_type}\r\nContent-Length: {len(data)}\r\n\r\n".encode("latin-1") + data
    assert ask(body)["body"] == text


HEADER = b"X-Header: " + b"x" * 2000 + b"\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([OK + HEADER * 90 + b"\r\n"], "The answer's headers are too large."),
        ([OK + b"X: y\r\n" * 200 + b"\r\n"], "The answer is broken off, or no HTTP."),
        ([OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n"], "The answer is broken off, or no HTTP."),
        ([OK + b"X: " + b"x" * 60_000, b"x" * 200_000], "The answer is broken off, or no HTTP."),
        ([b"HTTP/1.1 " + b"x" * 1_000_000], "The answer is broken off, or no HTTP."),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" * 9999], "The answer's headers are too large."),
        ([b"SSH-2.0-OpenSSH_9.6\r\n", CUT], "The answer is broken off, or no HTTP."),
        ([b"\x00" * 100, CUT], "The answer is broken off, or no HTTP."),
        ([CUT], "The answer is broken off, or no HTTP."),
        ([OK + b"Content-Le", CUT], "The answer is broken off, or no HTTP."),
        ([OK + b"Content-Length: 10\r\n\r\nshort", CUT], "The answer is broken off, or no HTTP."),
        ([head(), chunk(b"a piece"), CUT], "The answer is broken off, or no HTTP."),
        ([head(), b"zz\r\nx\r\n", CUT], "The answer is broken off, or no HTTP."),
        ([head(), b"f" * 30 + b"\r\n" + b"x" * 10, CUT], "The answer is broken off, or no HTTP."),
        ([*whole(b"\x1f\x8b", content_encoding="gzip")], "The answer is broken off, or no HTTP."),
        ([RESET], "own.test does not answer."),
        ([OK + b"Content-Length: 10\r\n\r\nshort", 0.05, RESET], "own.test does not answer."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_that_is_none_is_a_failure(server, refused, answer, reason) -> None:
    assert refused(*answer) == reason
    assert server.requests[0].closed.wait(5)


def test_chunks_that_are_mostly_framing_are_read_as_far_as_all_that_is_read(ask) -> None:
    small = b"1;" + b"x" * 60 + b"\r\nx\r\n"
    answer = ask(head(content_type="text/plain"), small * 10_000)
    assert answer["truncated"]
    assert set(answer["body"]) == {"x"}


DRIP = [step for _ in range(200) for step in (b"x", 0.05)]
SLOW = {
    "silence": [SILENCE],
    "a head that drips": [OK, *[step for _ in range(200) for step in (b"X: y\r\n", 0.05)]],
    "a line that drips": [OK + b"X: ", *DRIP],
    "a body that drips": [head(content_type="text/plain", content_length="1000"), *DRIP],
    "a body without an end": [head(content_type="text/plain", connection="close"), *DRIP],
    "chunks that drip": [head(), *[step for _ in range(200) for step in (chunk(b"x"), 0.05)]],
    "a body that stops": [head(content_length="1000") + b"some", SILENCE],
}


@pytest.mark.timed
@pytest.mark.parametrize("steps", SLOW.values(), ids=SLOW)
def test_what_comes_too_slowly_is_cut_at_the_time_limit_and_the_connection_closed(server, steps) -> None:
    server.play(steps)
    begun = time.monotonic()
    assert configured(server, seconds=0.4).refused(url(server)) == "The tool took longer than 0.4 seconds."
    cut = time.monotonic()
    assert 0.4 <= cut - begun < 3
    request = server.wait_for_request()
    assert request.closed.wait(5)
    assert request.closed_at - cut < 1


def test_a_caller_who_leaves_closes_the_connection(server, requester) -> None:
    server.play([SILENCE])
    stream = requester.start(url(server))
    reader = gevent.spawn(list, stream)
    while not server.requests:
        gevent.sleep(0.01)
    stream.close()
    reader.join(5)
    assert server.requests[0].closed.wait(5)


def test_a_server_that_never_shakes_hands_is_cut_too() -> None:
    with ModelServer() as plain:  # waits for a request in clear
        requester = Requester(private=[f"own.test:{plain.port}"], names={"own.test": [["127.0.0.1"]]}, seconds=0.4)
        assert requester.refused(url(plain, scheme="https")) == "The tool took longer than 0.4 seconds."
        (connection,) = plain._connections
        eventually_closed(connection)


def eventually_closed(connection) -> None:
    """The server's end of a connection on which it reads already."""
    deadline = time.monotonic() + 5
    while connection.fileno() != -1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """For localhost and model.test."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(certificate):
    with ModelServer(certificate) as running:
        yield running


def ask_secured(secured: ModelServer, host: str) -> Requester:
    return Requester(private=[f"{host}:{secured.port}"], names={host: [["127.0.0.1"]]})


def test_a_server_with_a_certificate_for_its_name_is_asked(monkeypatch, certificate, secured) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secured.play(whole(b"[1]"))
    requester = ask_secured(secured, "model.test")
    assert requester.ask(f"https://model.test:{secured.port}/")["body"] == [1]
    assert secured.requests[0].headers["host"] == f"model.test:{secured.port}"
    assert secured.requests[0].closed.wait(5)


@pytest.mark.parametrize("host", ["other.test", "model.test.other.test", "127.0.0.1"])
def test_a_certificate_for_another_name_is_none(monkeypatch, certificate, secured, host) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secured.play(whole(b"[1]"))
    reason = ask_secured(secured, host).refused(f"https://{host}:{secured.port}/")
    assert reason == f"The server has no valid certificate for {host}."
    assert secured.requests == []


def test_a_certificate_that_the_system_does_not_trust_is_none(secured) -> None:
    secured.play(whole(b"[1]"))
    reason = ask_secured(secured, "model.test").refused(f"https://model.test:{secured.port}/")
    assert reason == "The server has no valid certificate for model.test."
    assert secured.requests == []


def test_a_server_that_speaks_tls_is_not_asked_in_clear_text(secured) -> None:
    secured.play(whole(b"[1]"))
    assert ask_secured(secured, "model.test").refused(f"http://model.test:{secured.port}/")
    assert secured.requests == []
