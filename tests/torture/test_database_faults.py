"""A database that another process locks, that is read-only, of another version, or damaged, while callers ask on."""

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import requests
from support.torture import scaled, seed
from torture.checker import can_read, faults, is_sound, readiness, wait_until_quiet
from torture.disks import SmallDisk
from torture.servers import Victim, keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.server import eventually

pytestmark = pytest.mark.timed(tries=1)

LOCKED_SECONDS = 7
REFUSED_SECONDS = 7  # a call's deadline is five


@pytest.fixture
def victim(tmp_path: Path):
    with Victim(tmp_path / "server") as running:
        yield running


def is_ready(server: Victim) -> bool:
    return readiness(server)[0] == 200


def is_unready(server: Victim) -> bool:
    return readiness(server)[0] == 503


@pytest.mark.parametrize("number", range(scaled(1, 10)))
def test_a_database_that_another_process_locks(victim: Victim, number: int) -> None:
    ledger, keys = Ledger(), keys_of(victim) | sign_up(victim)
    with Workload(victim, keys, ledger, seed() + number) as load:
        assert load.wait_for("ended", 10)
        with closing(sqlite3.connect(victim.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(LOCKED_SECONDS)
            assert can_read(victim, keys["secret"]), "others are served"
            assert is_unready(victim)
            assert ledger.statuses[503]
            other.execute("ROLLBACK")
        eventually(lambda: is_ready(victim), 10)
        assert load.wait_for("ended", 10), "it goes on by itself"
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert ledger.slowest_refusal < REFUSED_SECONDS
    assert not ledger.statuses[0], "nobody was cut off"


def test_a_database_of_another_version_is_not_ready_until_it_is_migrated(victim: Victim) -> None:
    ledger = Ledger()
    with Workload(victim, keys_of(victim) | sign_up(victim), ledger, seed()) as load:
        assert load.wait_for("ended", 10)
        with closing(sqlite3.connect(victim.database, isolation_level=None, timeout=10)) as other:
            ((version,),) = other.execute("SELECT version_num FROM alembic_version")
            other.execute("UPDATE alembic_version SET version_num = '0001'")
            eventually(lambda: is_unready(victim), 5)
            other.execute("UPDATE alembic_version SET version_num = ?", (version,))
        eventually(lambda: is_ready(victim), 5)
        assert load.wait_for("ended", 10)
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []


@pytest.mark.mounts
def test_a_disk_that_is_read_only_when_a_worker_starts(tmp_path: Path) -> None:
    ledger, server = Ledger(), SmallDisk(tmp_path / "server")
    keys = keys_of(server)
    with server, Workload(server, keys | sign_up(server), ledger, seed()) as load:
        assert load.wait_for("ended", 10)
        server.make_read_only()
        server.kill_worker()
        eventually(lambda: is_unready(server), 20)
        assert requests.get(f"{server.url}/health", timeout=5).ok
        server.make_writable()
        eventually(lambda: is_ready(server), 10)
        assert load.wait_for("ended", 10), "it goes on by itself"
        load.stop()
        wait_until_quiet(server)
        assert faults(server, ledger) == []


def damage(file: Path, chance: random.Random) -> None:
    """Overwrite what is there: all pages but the first, where the version of the file stands."""
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(chance.randbytes(file.stat().st_size - 4096))


def test_a_database_that_is_damaged_while_it_is_used(victim: Victim) -> None:
    """Nothing but a copy helps. Until then callers are refused properly, and told so."""
    ledger, chance = Ledger(), random.Random(seed())
    keys = keys_of(victim) | sign_up(victim)
    with Workload(victim, keys, ledger, seed()) as load:
        assert load.wait_for("ended", 10)
    wait_until_quiet(victim)
    copy = victim.home / "copy.db"
    with closing(sqlite3.connect(victim.database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    later = Ledger()
    with Workload(victim, keys, later, seed() + 1) as load:
        assert load.wait_for("ended", 10)
        with closing(sqlite3.connect(victim.database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(RESTART)")
        damage(victim.database, chance)
        eventually(lambda: is_unready(victim), 20)
        eventually(lambda: later.statuses[503], 10)
        assert requests.get(f"{victim.url}/health", timeout=5).ok
    assert not later.wrong
    victim.stop()
    for name in ("parlance.db-wal", "parlance.db-shm"):
        victim.database.with_name(name).unlink(missing_ok=True)
    copy.replace(victim.database)
    victim.start()
    with Workload(victim, keys, ledger, seed() + 2) as load:
        assert load.wait_for("ended", 10)
    wait_until_quiet(victim)
    assert faults(victim, ledger) == []
    assert is_sound(victim)


@pytest.mark.parametrize("place", ["its first page", "the others"])
def test_a_database_that_was_damaged_while_nobody_used_it(tmp_path: Path, place: str) -> None:
    """The start is refused with the reason, or the server is not ready and says why; nobody sees an internal error."""
    server = Victim(tmp_path / "server")
    server.make_database()
    chance = random.Random(seed())
    if place == "the others":
        damage(server.database, chance)
    else:
        with server.database.open("r+b") as file:
            file.write(chance.randbytes(4096))
    try:
        server.start()
    except AssertionError:
        assert "Traceback" not in server.log_text()
        assert "damaged" in server.log_text()
    else:
        with server:
            assert is_unready(server)
            asked = requests.post(
                f"{server.url}/api/chat", json={"messages": [{"role": "user", "content": "x"}]}, timeout=9
            )
            assert asked.status_code == 503
    finally:
        server.close()
