"""A way to a server on which what it answers is delayed, frozen, halved, dribbled, reset, or another server's; on which
the questions are counted; and which can be cut, with a word to both sides or without one."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from threading import Event, Thread

Carry = Callable[[bytes, socket.socket], None]
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


class Proxy:
    """To a port of this machine. `answer` does what is to be done with each piece that the server sends, and `ask` with
    each that is sent to it."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.answer: Carry = pass_on
        self.ask: Carry = pass_on
        self._is_cut, self._held = False, Event()
        self._open: dict[socket.socket, socket.socket] = {}  # callers, and where they are led to
        self.asked: list[bytes] = []
        Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Nothing passes any more, and nobody is told, as where a network drops everything."""
        self._held = Event()
        self.ask = self.answer = freeze(self._held)

    def cut(self) -> None:
        """All connections end, and new ones do at once, as where the server has ended."""
        self._is_cut = True
        for ends in list(self._open.items()):
            _shut(*ends)

    def desert(self) -> None:
        """Callers hear that their connections have ended; what they have sent is on its way still."""
        _shut(*list(self._open))

    def mend(self) -> None:
        """All passes again, and first what was held, be its sender there or not."""
        self._is_cut = False
        self.ask = self.answer = pass_on
        self._held.set()

    def close(self) -> None:
        self.mend()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller = self._listener.accept()[0]
                if self._is_cut:
                    caller.close()
                    continue
                Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with suppress(OSError), caller, socket.create_connection(self._to) as server:
            self._open[caller] = server
            try:
                while all(self._passed_on(each, caller, server) for each in wait([caller, server])):
                    pass
            finally:
                del self._open[caller]

    def _passed_on(self, source: object, caller: socket.socket, server: socket.socket) -> bool:
        """Whether there was something; nothing comes of one that has ended."""
        piece = source.recv(65536)  # type: ignore[attr-defined]
        if source is server:
            if piece:
                self.answer(piece, caller)
        elif piece:
            self.asked.append(piece)
            self.ask(piece, server)
        else:  # what it has sent before is still the server's to do
            server.shutdown(socket.SHUT_WR)
            server.settimeout(5)
            while server.recv(65536):
                pass
        return bool(piece)


def _shut(*connections: socket.socket) -> None:
    for each in connections:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def pass_on(piece: bytes, caller: socket.socket) -> None:
    caller.sendall(piece)


def delay(seconds: float) -> Carry:
    def carry(piece: bytes, caller: socket.socket) -> None:
        time.sleep(seconds)
        caller.sendall(piece)

    return carry


def freeze(until: Event) -> Carry:
    """Nothing is answered before `until`, and then all of it."""

    def carry(piece: bytes, caller: socket.socket) -> None:
        until.wait()
        caller.sendall(piece)

    return carry


def halve(piece: bytes, caller: socket.socket) -> None:
    """The other half never comes."""
    caller.sendall(piece[: len(piece) // 2])


def dribble(piece: bytes, caller: socket.socket) -> None:
    """A byte now and then: something comes all the time."""
    for byte in piece:
        time.sleep(0.1)
        caller.sendall(bytes([byte]))


def reset(_piece: bytes, caller: socket.socket) -> None:
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    raise ConnectionResetError  # which closes it


def lie(other: bytes) -> Carry:
    """Another server's answer."""

    def carry(_piece: bytes, caller: socket.socket) -> None:
        caller.sendall(other)

    return carry


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    laid = Proxy(port)
    try:
        yield laid
    finally:
        laid.close()
