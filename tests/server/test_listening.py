"""A place where the server cannot listen is told in one line, with status 2, before anything says that it serves."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.testing.server import BIN, ROOT, Server
from app.web.server.interpreter import why_slow
from app.web.server.listening import why_not_listening

COMMAND = [BIN / "gunicorn", "-c", "config/gunicorn.conf.py"]


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    """One that is never started by itself: a home and an environment."""
    made = Server(tmp_path, env={"PARLANCE_ANNOUNCES": "1"})
    made.make_database()
    yield made
    made.close()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def refusal(server: Server, *flags: str, **env: str) -> str:
    """The one line on standard error."""
    ran = subprocess.run(
        [*COMMAND, *flags], cwd=ROOT, env={**server.env, **env}, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, "Serving" in ran.stdout) == (2, False), ran.stdout + ran.stderr
    (line,) = ran.stderr.splitlines()
    return line


def test_a_taken_port_is_one_line_and_status_2(server, taken) -> None:
    told = f"Parlance cannot start: 127.0.0.1:{taken} cannot be listened at: another program listens there."
    assert refusal(server, PORT=str(taken)).startswith(told)
    assert refusal(server, "-b", f"127.0.0.1:{taken}").startswith(told)


def test_a_taken_unix_socket_is_left_to_its_owner(server, tmp_path) -> None:
    path = tmp_path / "socket"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        assert "another program listens there" in refusal(server, "-b", f"unix:{path}")
        with closing(socket.socket(socket.AF_UNIX)) as caller:
            caller.connect(str(path))


def test_a_server_says_that_it_serves_when_it_listens(server) -> None:
    env = {**server.env, "PORT": "0"}
    with subprocess.Popen(COMMAND, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        place = next(match for line in lines if (match := re.match(r"Serving on http://127\.0\.0\.1:(\d+) ", line)))
        socket.create_connection(("127.0.0.1", int(place[1])), 5).close()
        process.terminate()
        assert process.wait(30) == 0


def test_a_start_of_make_run_prepares_and_then_serves(tmp_path) -> None:
    made = Server(tmp_path, env={"PARLANCE_PREPARES": "1"})
    made.start()
    assert re.search(r"widget key .*: +wk_[\w-]{43}\n", made.log_text())
    assert ("built without --enable-optimizations" in made.log_text()) == bool(why_slow())
    made.stop()
    made.close()


def test_what_cannot_be_prepared_is_not_served(server) -> None:
    server.database.write_bytes(b"no database " * 1000)
    env = {**server.env, "PARLANCE_PREPARES": "1"}
    ran = subprocess.run(COMMAND, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (
        1,
        f"Error: The database does not answer as it should: {server.database}: damaged: restore a backup.",
    )


def why(address: tuple[str, int] | str | int) -> str:
    return why_not_listening(address) or ""


def test_what_else_keeps_a_server_from_listening_is_told(tmp_path, taken) -> None:
    assert "this machine has no such address" in why(("203.0.113.5", 0))
    assert "this machine has no such address" in why(("2001:db8::1", 0))
    assert "this machine has no such address" in why(("no.such.host.invalid", 0))
    assert "from 0 to 65535" in why(("127.0.0.1", 70_000))
    assert "is no folder" in why(str(tmp_path / "none" / "socket"))
    assert "a path may have 107 bytes" in why(str(tmp_path / ("x" * 120)))
    (tmp_path / "file").touch()
    assert "no socket" in why(str(tmp_path / "file"))
    assert f"[::1]:{taken}" not in why(("127.0.0.1", taken))


def test_what_keeps_no_server_from_listening_is_nothing(tmp_path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:  # by a server that was killed
        left.bind(str(tmp_path / "left"))
    for address in (
        ("127.0.0.1", 0),
        ("localhost", 0),
        ("", 0),
        ("::1", 0),
        str(tmp_path / "left"),
        str(tmp_path / "new"),
        3,
    ):
        assert why(address) == ""
