"""A worker that stands still, and a master that is killed: who waits is answered, and what was acknowledged is kept."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.torture import scaled, seed
from torture.checker import children_left, faults, is_sound, wait_until_quiet
from torture.servers import Victim, keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import eventually

TIMEOUT = 2  # seconds; gunicorn's


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with Victim(tmp_path_factory.mktemp("server"), env={"GUNICORN_CMD_ARGS": f"--timeout {TIMEOUT}"}) as running:
        yield running


@pytest.mark.timed(tries=1)
@pytest.mark.parametrize("number", range(scaled(1, 20)))
def test_a_worker_that_stands_still_for_a_moment_loses_nobody(victim: Victim, number: int) -> None:
    ledger, worker = Ledger(), victim.worker_pid()
    with Workload(victim, keys_of(victim) | sign_up(victim), ledger, seed() + number) as load:
        assert load.wait_for("begun", 10)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(TIMEOUT / 2)
        os.kill(worker, signal.SIGCONT)
        assert load.wait_for("ended", 10)
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert victim.worker_pid() == worker
    assert not ledger.statuses[0], "nobody was cut off"
    assert all(asked.ended for asked in ledger.asked)


@pytest.mark.timed(tries=1)
@pytest.mark.parametrize("number", range(scaled(1, 20)))
def test_a_worker_that_stands_still_for_too_long_is_replaced(victim: Victim, number: int) -> None:
    ledger, worker = Ledger(), victim.worker_pid()
    with Workload(victim, keys_of(victim) | sign_up(victim), ledger, seed() + number) as load:
        assert load.wait_for("begun", 10)
        os.kill(worker, signal.SIGSTOP)
        victim.expect_end(worker)
        victim.new_worker()
        assert load.wait_for("ended", 10), "the new one serves"
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert is_sound(victim)
    eventually(lambda: not children_left(victim.dead_workers()))


@pytest.mark.timed(tries=1)
@pytest.mark.parametrize("number", range(scaled(1, 40)))
def test_a_master_that_is_killed_and_started_again_loses_nothing(victim: Victim, number: int) -> None:
    """Its worker notices that it has gone, and ends; the new one may begin before that."""
    ledger = Ledger()
    with Workload(victim, keys_of(victim) | sign_up(victim), ledger, seed() + number) as load:
        assert load.wait_for("begun", 10)
        left_behind = victim.kill_master()
        with suppress(ConnectionError):  # the one that is left may take the first request, and end
            victim.start()
        assert load.wait_for("ended", 10)
        eventually(lambda: not Path(f"/proc/{left_behind}").exists(), 20)
        assert load.wait_for("ended", 10)
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert is_sound(victim)
    eventually(lambda: not children_left({left_behind}))
