"""A way to a server that can be cut, as a network is lost: Chromium's emulation leaves open connections alone."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from threading import Thread


class Cable:
    """Passes on what comes to `url`."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._is_cut = False
        Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends all connections, and refuses others until it is mended."""
        self._is_cut = True
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller = self._listener.accept()[0]
                if self._is_cut:
                    caller.close()
                else:
                    Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(self._to) as server, suppress(OSError):
            ends = {caller: server, server: caller}
            self._open.update(ends)
            while all(_passed_on(each, ends[each]) for each in wait(ends)):
                pass
            self._open.difference_update(ends)


def _passed_on(source: socket.socket, target: socket.socket) -> bool:
    """Whether there was something; nothing comes of one that has ended."""
    data = source.recv(65536)
    target.sendall(data)
    return bool(data)


@contextmanager
def cable(port: int) -> Iterator[Cable]:
    """To a server of this machine."""
    laid = Cable(port)
    try:
        yield laid
    finally:
        laid.close()
