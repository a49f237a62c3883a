"""What is sent to find out whether a caller is still there never changes what the caller reads."""

import contextlib
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.socket import socketpair

from app.web.server.probes import Beginning, KeepAlive, PieceSender

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    """A server's side, which can hold little, and a caller's."""
    ours, theirs = socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with ours, theirs:
        yield ours, theirs


def read(connection: Any, seconds: float = 0.1) -> bytes:
    """Everything there is, and what comes behind it soon."""
    got = b""
    with gevent.Timeout(seconds, False):
        while True:
            got += connection.recv(65536)
    return got


@pytest.mark.parametrize("probes", [0, 1, 3, 9, 12])
def test_a_head_of_which_the_beginning_was_sent_ahead_is_whole(pair, probes) -> None:
    ours, theirs = pair
    response = SimpleNamespace(sock=ours, status=None)
    beginning = Beginning(ours, response, "HTTP/1.1")
    got = b""
    for _ in range(probes):
        beginning.probe()
        got += read(theirs)
    assert got == b"HTTP/1.1 "[:probes]
    response.status = "200 OK"
    response.sock.sendall(HEAD)
    assert response.sock is ours, "the body goes the usual way"
    assert got + read(theirs) == HEAD


def test_no_head_is_begun_that_is_made_already(pair) -> None:
    ours, theirs = pair
    Beginning(ours, SimpleNamespace(sock=ours, status="200 OK"), "HTTP/1.1").probe()
    assert read(theirs) == b""


@pytest.mark.parametrize("in_chunks", [True, False])
def test_a_probe_is_a_piece_of_its_own(pair, in_chunks) -> None:
    ours, theirs = pair
    PieceSender(ours, in_chunks=in_chunks).probe(b": keep-alive\n")
    assert read(theirs) == (b"d\r\n: keep-alive\n\r\n" if in_chunks else b": keep-alive\n")


@pytest.mark.parametrize("in_chunks", [True, False])
def test_no_probe_comes_between_the_parts_of_a_piece(pair, in_chunks) -> None:
    ours, theirs = pair
    sender, piece = PieceSender(ours, in_chunks=in_chunks), b"z" * 1_000_000
    sending = gevent.spawn(sender.send, piece)
    gevent.sleep(0)
    got = b""
    while not sending.ready():
        sender.probe(b"P")
        got += theirs.recv(65536)
        if not sending.ready():  # all that was sent has been read, and the rest of the piece is still to come
            sender.probe(b"P")
        gevent.sleep(0)
    got += read(theirs)
    assert got == (b"f4240\r\n" + piece + b"\r\n" if in_chunks else piece)
    sender.probe(b"P")
    assert read(theirs) == (b"1\r\nP\r\n" if in_chunks else b"P")


def send_for_ever(sender: PieceSender, piece: bytes) -> None:
    while True:
        sender.send(piece)


@pytest.mark.parametrize("piece", [b"z" * 10, b"z" * 1_000_000], ids=["small pieces", "a large piece"])
@pytest.mark.parametrize("others", ["wait already", "come later"])
def test_a_caller_who_does_not_read_is_dropped_where_others_would_wait(pair, piece, others) -> None:
    ours, _ = pair
    sender, waiting = PieceSender(ours, in_chunks=True), [True] if others == "wait already" else []
    sender.gives_up = lambda: bool(waiting)
    coming = gevent.spawn_later(0.2, waiting.append, True)
    with gevent.Timeout(5), pytest.raises(ConnectionAbortedError):
        send_for_ever(sender, piece)
    coming.kill()


@pytest.mark.parametrize("piece", [b"z" * 10, b"z" * 1_000_000], ids=["small pieces", "a large piece"])
def test_one_who_does_not_read_is_waited_for_as_long_as_the_connection_says(pair, piece) -> None:
    ours, _ = pair
    ours.settimeout(0.3)
    with gevent.Timeout(5), pytest.raises(TimeoutError):
        send_for_ever(PieceSender(ours, in_chunks=False), piece)


@pytest.mark.parametrize("size", [10, 5000, 1_000_000])
def test_one_who_reads_slowly_gets_every_byte(pair, size) -> None:
    ours, theirs = pair
    sender, pieces = PieceSender(ours, in_chunks=False), [bytes([65 + number]) * size for number in range(20)]
    sending = gevent.spawn(lambda: [sender.send(piece) for piece in pieces])
    got = b""
    while len(got) < 20 * size:
        got += theirs.recv(3 * size // 2)
        gevent.sleep(0.001)
    assert got == b"".join(pieces)
    sending.get()


def began(ours: Any) -> tuple[PieceSender, SimpleNamespace]:
    """A sender that holds the head, and the response which has written it."""
    response = SimpleNamespace(sock=ours, status=None)
    sender = PieceSender(ours, in_chunks=True, beginning=Beginning(ours, response, "HTTP/1.1"))
    sender.hold_head()
    response.sock.sendall(HEAD)
    return sender, response


def test_the_head_leaves_with_the_first_piece_and_what_ends_the_response_with_the_last(pair) -> None:
    ours, theirs = pair
    sender, response = began(ours)
    sender.probe(b"P")
    assert read(theirs) == b"", "and nothing before it"
    sender.send(b"one")
    assert read(theirs) == HEAD + b"3\r\none\r\n"
    sender.send_last(b"two")
    response.sock.sendall(b"0\r\n\r\n")
    assert response.sock is ours
    assert read(theirs) == b"3\r\ntwo\r\n0\r\n\r\n", "once"


def test_a_head_that_is_sent_alone_is_nothing_that_was_heard(pair) -> None:
    ours, theirs = pair
    sender, _ = began(ours)
    before = sender.sent_at
    sender.flush()
    assert read(theirs) == HEAD
    assert sender.sent_at == before
    sender.probe(b"P")
    assert read(theirs) == b"1\r\nP\r\n"


@pytest.fixture
def sender(pair) -> PieceSender:
    return PieceSender(pair[0], in_chunks=False)


def kept_alive(sender: PieceSender, seconds: float = 0.1) -> contextlib.closing[Any]:
    return contextlib.closing(SimpleNamespace(close=KeepAlive(sender, b"K", seconds).stop))


@pytest.mark.timed
def test_a_keep_alive_comes_whenever_nothing_was_sent_for_so_long(pair, sender) -> None:
    with kept_alive(sender):
        assert read(pair[1], 0.35) == b"KKK"
    gevent.sleep(0.2)
    assert read(pair[1]) == b"", "it has been stopped"


@pytest.mark.timed
def test_no_keep_alive_comes_to_a_caller_who_is_sent_pieces(pair, sender) -> None:
    with kept_alive(sender):
        for _ in range(10):
            sender.send(b"p")
            gevent.sleep(0.04)
        gevent.sleep(0.08)
        assert read(pair[1]) == b"p" * 10 + b"K"


@pytest.mark.timed
def test_no_keep_alive_comes_between_the_parts_of_a_piece(pair, sender) -> None:
    piece = b"z" * 1_000_000
    with kept_alive(sender):
        sending = gevent.spawn(sender.send, piece)
        gevent.sleep(0.35)
        got = b""
        while not sending.ready():
            got += pair[1].recv(65536)
        assert (got + read(pair[1])).rstrip(b"K") == piece


@pytest.mark.timed
def test_a_keep_alive_to_a_caller_who_has_closed_harms_nobody(pair, sender, capsys) -> None:
    with kept_alive(sender):
        pair[1].close()
        gevent.sleep(0.3)
    assert capsys.readouterr().err == "", "the event loop says so where a callback fails"


def test_a_probe_to_a_caller_who_has_closed_raises(pair) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(OSError, match="Broken pipe"):
        PieceSender(ours, in_chunks=True).probe(b"P")
