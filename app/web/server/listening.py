"""Where the server is about to listen: whether that is possible, told before gunicorn tries. gunicorn itself would try
five times and end with status 1, and take the place of a Unix socket at which another server listens."""

import errno
import os
import socket
import stat
from contextlib import closing
from pathlib import Path

from app.store.faults import process_user

Address = tuple[str, int] | str | int
"""As gunicorn has it: host and port, a Unix socket's path, or the descriptor of a socket that listens already."""

_LONGEST_PATH = 107  # bytes of a Unix socket's


def why_not_listening(address: Address) -> str | None:
    """What keeps the server from listening there, in one line; None where nothing does."""
    match address:
        case int():
            return None
        case str():
            return None if address.startswith("\0") else _why_no_unix_socket(Path(address))
        case host, port:
            return _why_no_port(host, port)


def _why_no_port(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        with closing(socket.socket(family)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
            tried.bind((host, port))
    except OSError as error:
        return f"{place} cannot be listened at: {_reason(error, port)}"
    except OverflowError:
        return f"{place} cannot be listened at: a port is a number from 0 to 65535."
    return None


def _reason(error: OSError, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there. End it, or choose another port (PORT, --bind)."
        case errno.EACCES if port < 1024:
            return f"ports below 1024 are not for everybody (as {process_user()}). Choose another port (PORT, --bind)."
        case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
            return "this machine has no such address (--bind)."
    return f"{error.strerror} (as {process_user()})."


def _why_no_unix_socket(path: Path) -> str | None:
    problem = None
    if len(os.fsencode(path)) > _LONGEST_PATH:
        problem = f"a path may have {_LONGEST_PATH} bytes."
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        missing = not path.parent.is_dir()
        problem = f"{path.parent} " + ("is no folder." if missing else f"cannot be written to (as {process_user()}).")
    elif path.exists():
        problem = _why_not_replaced(path)
    return f"{path} cannot be listened at: {problem}" if problem else None


def _why_not_replaced(path: Path) -> str | None:
    if not stat.S_ISSOCK(path.stat().st_mode):
        return "it is there, and no socket."
    try:
        with closing(socket.socket(socket.AF_UNIX)) as tried:
            tried.settimeout(1)
            tried.connect(str(path))
    except ConnectionRefusedError:
        return None  # left by a server that was killed
    except OSError:
        pass  # somebody is there, and busy
    return "another program listens there. End it, or choose another place (--bind)."
