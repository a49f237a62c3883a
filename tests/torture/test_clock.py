"""The wall clock is set forward and back by an hour while everybody asks: nothing ends early, nothing waits for it."""

import time
from pathlib import Path

import pytest
import requests
from support.clocks import Clock, ahead, needed
from support.torture import scaled, seed
from torture.checker import faults, wait_until_quiet
from torture.servers import Victim, keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import eventually, script

pytestmark = pytest.mark.timed(tries=1)

HOUR, MINUTE = 3600, 60


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return needed(Clock.at(tmp_path / "clock"))


@pytest.fixture
def victim(tmp_path: Path, clock: Clock):
    with Victim(tmp_path / "server", env={**clock.env, "GUNICORN_CMD_ARGS": "--timeout 4"}) as running:
        yield running


@pytest.mark.parametrize("number", range(scaled(1, 10)))
def test_the_clock_is_set_forward_and_back(victim: Victim, clock: Clock, number: int) -> None:
    ledger, worker = Ledger(), victim.worker_pid()
    asked = {"messages": [{"role": "user", "content": script({"text": "x", "times": 60, "every": 0.1})}]}
    with Workload(victim, keys_of(victim) | sign_up(victim), ledger, seed() + number) as load:
        streaming = requests.post(f"{victim.url}/api/chat", json=asked, stream=True, timeout=30)
        for seconds in (HOUR, -HOUR, MINUTE):
            clock.step(seconds)
            eventually(lambda: abs(ahead(victim) - seconds) < 5)  # noqa: B023
            assert load.wait_for("ended", 10)
            time.sleep(1.5)
        assert streaming.content.endswith(b"data: [DONE]\n\n")
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert all(each.ended for each in ledger.asked)
    assert set(ledger.statuses) <= {200, 201}
    assert victim.worker_pid() == worker
