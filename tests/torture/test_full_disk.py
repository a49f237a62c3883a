"""A disk that fills while everybody asks, and is emptied: refusals meanwhile, nothing lost, all goes on by itself."""

from pathlib import Path

import pytest
from support.torture import scaled, seed
from torture.checker import can_read, faults, is_sound, readiness, wait_until_quiet
from torture.disks import DISKS
from torture.servers import keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import eventually

pytestmark = pytest.mark.timed(tries=1)


@pytest.mark.parametrize("disk", DISKS)
@pytest.mark.parametrize("number", range(scaled(1, 20)))
def test_a_disk_that_fills_and_is_emptied(tmp_path: Path, disk, number: int) -> None:
    """Twice: with the same worker, and with one that starts while the disk is full."""
    ledger, server = Ledger(), disk(tmp_path / "server")
    keys = keys_of(server)
    with server, Workload(server, keys | sign_up(server), ledger, seed() + number) as load:
        assert load.wait_for("ended", 10)
        server.fill()
        eventually(lambda: readiness(server)[0] == 503, 20)
        eventually(lambda: ledger.statuses[503], 5)
        assert can_read(server, keys["secret"]), "others are served"
        server.empty()
        eventually(lambda: readiness(server)[0] == 200, 10)
        assert load.wait_for("ended", 10), "it goes on by itself"
        assert not ledger.statuses[0], "nobody was cut off"
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
