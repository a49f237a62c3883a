"""Both ends of a child process: what it replies, and how it ends."""

from collections.abc import Iterator

import pytest
from support.processes import lives

from app.processes.process import Process
from app.testing.server import eventually

MODULE = """
import os, subprocess
from app.processes.serving import serve

def main(parent):
    serve(parent, answer)

def answer(request):
    print("noise on standard output")
    if request == b"die":
        os._exit(1)
    if request == b"spawn":
        return str(subprocess.Popen(["sleep", "60"]).pid).encode()
    if request == b"environment":
        return " ".join(sorted(os.environ)).encode()
    return request[::-1]
"""


@pytest.fixture
def process(tmp_path, monkeypatch) -> Iterator[Process]:
    (tmp_path / "module_of_a_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    process = Process("module_of_a_test", {"OURS": "1"})
    yield process
    process.kill()


def test_each_request_has_its_reply_whatever_its_length(process) -> None:
    for request in (b"abc", b"", b"x\x00\n" * 500_000):
        assert process.call(request) == request[::-1]
    assert process.running


def test_it_has_the_environment_that_it_is_given_and_the_module_path(process) -> None:
    names = set(process.call(b"environment").decode().split())
    assert {"OURS", "PYTHONPATH"} <= names <= {"OURS", "PYTHONPATH", "LC_CTYPE"}


def test_one_that_ends_has_no_reply(process) -> None:
    with pytest.raises((EOFError, OSError)):
        process.call(b"die")
    eventually(lambda: not process.running)


def test_what_it_has_started_is_killed_with_it(process) -> None:
    started = int(process.call(b"spawn"))
    assert lives(started)
    process.kill()
    eventually(lambda: not lives(started))
    with pytest.raises((EOFError, OSError, ValueError)):
        process.call(b"abc")
