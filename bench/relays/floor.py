"""The floor: bare gevent sockets that forward bytes both ways, unread. Nothing on gevent can relay for less."""

import sys

from gevent import spawn
from gevent.server import StreamServer
from gevent.socket import create_connection, socket

UPSTREAM = ("127.0.0.1", int(sys.argv[2]))


def pump(source: socket, sink: socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        sink.close()


def relay(caller: socket, _address: object) -> None:
    upstream = create_connection(UPSTREAM)
    spawn(pump, caller, upstream)
    pump(upstream, caller)


StreamServer(("127.0.0.1", int(sys.argv[1])), relay, backlog=2048).serve_forever()
