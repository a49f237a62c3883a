"""What is sent to find out whether a caller is still there never changes what the caller reads."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.socket import socketpair

from app.web.server.probes import Beginning, PieceSender

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    """A server's side, which can hold little, and a caller's."""
    ours, theirs = socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with ours, theirs:
        yield ours, theirs


def read(connection: Any) -> bytes:
    """Everything there is, and what comes behind it soon."""
    got = b""
    with gevent.Timeout(0.1, False):
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
    PieceSender(ours, in_chunks=in_chunks).probe(b": keep-alive\n\n")
    assert read(theirs) == (b"e\r\n: keep-alive\n\n\r\n" if in_chunks else b": keep-alive\n\n")


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


def test_a_probe_to_a_caller_who_has_closed_raises(pair) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(OSError, match="Broken pipe"):
        PieceSender(ours, in_chunks=True).probe(b"P")
