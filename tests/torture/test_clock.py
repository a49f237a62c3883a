"""The wall clock is set forward and back by an hour while everybody asks: nothing ends early, nothing waits for it."""

import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests
from support.torture import scaled, seed
from torture.checker import faults, wait_until_quiet
from torture.servers import Victim, keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import Server, eventually, script

pytestmark = pytest.mark.timed(tries=1)

LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
HOUR, MINUTE = 3600, 60


def step(clock: Path, seconds: int) -> None:
    """Set the server's clock so many seconds off, at once: its processes read the file each time."""
    new = clock.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(clock)


def ahead(server: Server) -> float:
    """By how many seconds the server's clock is ahead of ours."""
    shown = parsedate_to_datetime(requests.get(f"{server.url}/health", timeout=5).headers["Date"])
    return shown.timestamp() - time.time()


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    made = tmp_path / "clock"
    step(made, 0)
    return made


@pytest.fixture
def victim(tmp_path: Path, clock: Path):
    if not LIBRARIES:
        pytest.skip("libfaketime not installed")
    env = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",  # seconds; without it the file is opened for each look at any clock
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else threads wait too long for Python's interpreter lock
        "NO_FAKE_STAT": "1",  # gunicorn compares the time of a file with the monotonic clock
        "GUNICORN_CMD_ARGS": "--timeout 4",
    }
    with Victim(tmp_path / "server", env=env) as running:
        yield running


@pytest.mark.parametrize("number", range(scaled(1, 10)))
def test_the_clock_is_set_forward_and_back(victim: Victim, clock: Path, number: int) -> None:
    ledger, worker = Ledger(), victim.worker_pid()
    asked = {"messages": [{"role": "user", "content": script({"text": "x", "times": 60, "every": 0.1})}]}
    with Workload(victim, keys_of(victim) | sign_up(victim), ledger, seed() + number) as load:
        streaming = requests.post(f"{victim.url}/api/chat", json=asked, stream=True, timeout=30)
        for seconds in (HOUR, -HOUR, MINUTE):
            step(clock, seconds)
            eventually(lambda: abs(ahead(victim) - seconds) < 5)  # noqa: B023
            assert load.wait_for("ended", 10)
            time.sleep(1.5)
        assert streaming.content.endswith(b"data: [DONE]\n\n")
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert all(each.ended for each in ledger.asked)
    assert set(ledger.statuses) <= {200, 201}
    assert victim.worker_pid() == worker
