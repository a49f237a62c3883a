"""What `parlance doctor` makes of answers that Parlance never gives, and of the headers around one that it gives."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.cli.known_answer import Finding, Heard, ask, findings_of_body, findings_of_stream

SEEN = {
    "address": "127.0.0.1", "scheme": "http", "host": "[::1]:8000", "protocol": "HTTP/1.1", "forwarded": [],
    "trusted_hops": 0,
}  # fmt: skip
PAGE = b"<!doctype html><p>Hello"
PATIENCE = 0.5


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """The URL of what sends these to whoever asks, each after a pause, and then waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                for piece in pieces:
                    if done.wait(pause):
                        return
                    connection.sendall(piece)
                if not pieces or pause:
                    done.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


def found(content: bytes, kind: str = "text/event-stream", *headers: str, status: str = "200 OK") -> list[Finding]:
    lines = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *headers)
    head = "\r\n".join((*lines, "", "")).encode()
    with answering(head + content) as url:
        heard = ask(url, "/doctor", "token", b"{}", 5)
    return [*findings_of_stream(heard, url, 0)]


@pytest.mark.parametrize(
    ("content", "kind", "headers"),
    [
        (PAGE, "text/html; charset=utf-8", ()),
        (gzip.compress(PAGE), "text/html", ("Content-Encoding: gzip",)),
        (PAGE, "text/html", ("Content-Encoding: br",)),
        (PAGE, "text/html", ("Content-Encoding: gzip", "Date: never", "Content-Length: 23")),
        (b"", "text/html", ()),
        (b"data: [DONE]\n\n", "text/event-stream", ()),
        (b"data: 5\n\ndata: []\n\ndata: {}\n\n", "text/event-stream", ()),
        (b'data: {"seen": 1}\n\n', "text/event-stream", ()),
        (b"data: \xff\n\n", "text/event-stream", ("Content-Encoding: gzip",)),
        (b"x" * 2**21, "text/event-stream", ()),
    ],
    ids=["a page", "packed", "unknown", "odd", "nothing", "done", "events", "seen 1", "no gzip", "endless"],
)
def test_of_what_is_no_parlance_that_alone_is_told(content, kind, headers) -> None:
    (only,) = found(content, kind, "Server: other", *headers)
    assert only.check == "answer"
    assert only.problem == (f"what answered there is no Parlance: status 200, Content-Type {kind} (Server: other)")


def test_a_stream_that_was_cut_before_its_first_event_may_be_parlances() -> None:
    assert "cut" in {each.check for each in found(b"")}


def test_the_limit_of_other_requests_is_told_as_such() -> None:
    (only,) = found(b"{}", "application/json", status="429 Too Many Requests")
    assert only.check == "answer"
    assert only.problem == "it was answered 429: the limit for other requests was reached"
    assert "[limits]" in only.cure
    (only,) = findings_of_body(Heard(status=429), 5000)
    assert only.problem == "a body of 5,000 bytes was answered 429: the limit for other requests was reached"


def test_a_host_that_is_an_ipv6_address_is_known_again() -> None:
    events = [f"data: {event}\n\n".encode() for event in (str({"seen": SEEN}).replace("'", '"'), '{"end": true}')]
    headers = {"content-type": "text/event-stream", "cache-control": "no-transform"}
    heard = Heard(200, headers, pieces=[(0.0, event) for event in events])
    assert [*findings_of_stream(heard, "http://[::1]:8000", 0)] == []
    assert [each.check for each in findings_of_stream(heard, "http://[::2]:8000", 0)] == ["host"]


@pytest.mark.timed
@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200 OK\r\n", *[b"a"] * 50)])
def test_who_says_nothing_or_next_to_nothing_is_waited_for_as_long_as_is_said(pieces) -> None:
    began = time.monotonic()
    with answering(*pieces, pause=0.1) as url, pytest.raises(TimeoutError, match=r"nothing came within 0\.5 s"):
        ask(url, "/doctor", "token", b"{}", PATIENCE)
    assert PATIENCE <= time.monotonic() - began < PATIENCE + 1


@pytest.mark.timed
def test_an_answer_without_end_is_cut_after_as_long_as_is_said() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    with answering(head, *[b": \n\n"] * 50, pause=0.1) as url:
        heard = ask(url, "/doctor", "token", b"{}", PATIENCE)
    assert heard.status == 200
    assert heard.pieces
    assert PATIENCE <= heard.seconds < PATIENCE + 1
