"""Locks that end with their process, and not before."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from app.store.locks import try_lock
from app.testing.server import eventually


def test_a_lock_is_had_once_and_programs_that_were_started_do_not_keep_it(tmp_path) -> None:
    path = tmp_path / "lock"
    lock = try_lock(path)
    assert lock is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert try_lock(path) is None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False):
        os.close(lock)
        os.close(eventually(lambda: try_lock(path)))


def test_a_forked_process_keeps_the_lock_when_the_first_one_is_gone(tmp_path) -> None:
    """As a worker does, whose master was killed."""
    path = tmp_path / "lock"
    program = (
        "import os, sys; from pathlib import Path; from app.store.locks import try_lock; try_lock(Path(sys.argv[1])); "
        "os.fork() and os._exit(0); print('alone', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"alone\n"
        assert process.wait(5) == 0
        assert try_lock(path) is None
        assert process.stdin
        process.stdin.close()
        assert process.stdout.read() == b""
    assert eventually(lambda: try_lock(path))


def test_a_file_that_its_holder_has_removed_is_made_anew(tmp_path) -> None:
    path = tmp_path / "lock"
    first = try_lock(path)
    path.unlink()
    second = try_lock(path)
    assert second is not None
    assert os.fstat(first).st_ino != path.stat().st_ino == os.fstat(second).st_ino


def test_of_many_who_lock_and_remove_one_file_at_once_each_has_it_alone(tmp_path) -> None:
    path = tmp_path / "lock"

    def lock_and_remove(_number: int) -> None:
        had = 0
        while had < 100:
            lock = try_lock(path)
            if lock is not None:
                assert os.fstat(lock).st_ino == path.stat().st_ino
                path.unlink()
                os.close(lock)
                had += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lock_and_remove, range(4)))
