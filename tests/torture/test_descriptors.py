"""File descriptors used up by a crowd that connects and says nothing: nobody is lost, and nothing spins meanwhile."""

import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from support.processes import open_files
from support.torture import scaled, seed
from torture.checker import faults, other_files, wait_until_quiet
from torture.servers import Victim, keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import Server, eventually, script

pytestmark = pytest.mark.timed(tries=1)

LEFT = 20  # descriptors, when it begins
CROWD = 100
SECONDS = 4.0


@contextmanager
def few_files(pid: int) -> Iterator[int]:
    """So many may be open in the process."""
    usual, most = resource.prlimit(pid, resource.RLIMIT_NOFILE), len(open_files(pid)) + LEFT
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, usual[1]))
    try:
        yield most
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)


@contextmanager
def idle_crowd(server: Server) -> Iterator[None]:
    """Callers who connect and wait, and come back as soon as they are sent away."""
    leaving = threading.Event()

    def come_back() -> None:
        while not leaving.is_set():
            with socket.create_connection(("127.0.0.1", server.port)) as connection, suppress(OSError):
                connection.settimeout(0.2)
                while not leaving.is_set():
                    with suppress(TimeoutError):
                        if not connection.recv(100):
                            break

    crowd = [threading.Thread(target=come_back) for _ in range(CROWD)]
    for one in crowd:
        one.start()
    try:
        yield
    finally:
        leaving.set()
        for one in crowd:
            one.join()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("number", range(scaled(1, 10)))
def test_descriptors_are_used_up_and_come_back(tmp_path: Path, number: int) -> None:
    ledger = Ledger()
    with Victim(tmp_path / "server") as victim:
        keys, worker = keys_of(victim) | sign_up(victim), victim.worker_pid()
        with Workload(victim, keys, ledger, seed() + number) as load:
            assert load.wait_for("ended", 10)
        wait_until_quiet(victim)
        before = len(other_files(worker))
        asked = {"messages": [{"role": "user", "content": script({"text": "x", "times": 40, "every": 0.1})}]}
        streaming = requests.post(f"{victim.url}/api/chat", json=asked, stream=True, timeout=30)
        others = Workload(victim, keys, ledger, seed() + number, callers=4)
        with few_files(worker) as most, others, idle_crowd(victim):
            eventually(lambda: len(open_files(worker)) >= most - 1, 5)
            begun = cpu_seconds(worker)
            time.sleep(SECONDS)
            assert cpu_seconds(worker) - begun < SECONDS * 0.7, "it does not spin"
            assert streaming.content.endswith(b"data: [DONE]\n\n"), "who was there is served"
        with Workload(victim, keys, ledger, seed() - number) as load:
            assert load.wait_for("ended", 10), "it goes on by itself"
        wait_until_quiet(victim)
        assert faults(victim, ledger) == []
        assert victim.worker_pid() == worker
        assert not ledger.statuses[0], "nobody was cut off"
        eventually(lambda: len(other_files(worker)) <= before, 10)
