"""A disk that fills while everybody asks, and is emptied: refusals meanwhile, nothing lost, all goes on by itself."""

import time
from pathlib import Path

import pytest
import requests
from support.torture import scaled, seed
from torture.checker import faults, is_sound, readiness, wait_until_quiet
from torture.disks import DISKS
from torture.servers import keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import eventually

pytestmark = pytest.mark.timed(tries=1)


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("number", range(scaled(1, 20)))
def test_a_disk_that_fills_and_is_emptied(tmp_path: Path, disk, number: int) -> None:
    ledger, server = Ledger(), disk(tmp_path / "server")
    keys = keys_of(server)
    with server, Workload(server, keys | sign_up(server), ledger, seed() + number) as load:
        assert load.wait_for("ended", 10)
        server.fill()
        eventually(lambda: readiness(server)[0] == 503, 20)
        time.sleep(0.5)
        assert requests.get(f"{server.url}/health", timeout=5).ok, "others are served"
        refused = ledger.statuses[503]
        assert refused
        server.empty()
        eventually(lambda: readiness(server)[0] == 200, 10)
        assert load.wait_for("ended", 10), "it goes on by itself"
        load.stop()
        wait_until_quiet(server)
        assert faults(server, ledger) == []
        assert is_sound(server)
        assert not ledger.statuses[0], "nobody was cut off"


@pytest.mark.parametrize("disk", DISKS)
def test_a_worker_that_is_replaced_while_the_disk_is_full_says_so_and_recovers(tmp_path: Path, disk) -> None:
    ledger, server = Ledger(), disk(tmp_path / "server")
    keys = keys_of(server)
    with server:
        with Workload(server, keys | sign_up(server), ledger, seed()) as load:
            assert load.wait_for("ended", 10)
            server.fill()
            server.kill_worker()
            eventually(lambda: readiness(server)[0] == 503, 20)
            server.empty()
            eventually(lambda: readiness(server)[0] == 200, 10)
            assert load.wait_for("ended", 10), "it goes on by itself"
            load.stop()
        wait_until_quiet(server)
        assert faults(server, ledger) == []
        assert is_sound(server)
