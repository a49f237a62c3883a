"""What is said of a database to whoever asks whether the server is ready."""

import os
import time

import gevent
import pytest
from support.database import ask, new_database, new_store, rows
from support.storage import damaged, full_disk, locked

from app.engine.errors import StoreError
from app.store.database import Database
from app.store.faults import DAMAGED, LOCKED, OTHER_VERSION, SETTLED_SECONDS
from app.store.readiness import FRESH_SECONDS, LOOK_SECONDS, PATIENCE_SECONDS, Readiness

pytestmark = pytest.mark.timed


@pytest.fixture
def database(tmp_path) -> Database:
    """SQLite's: it is its file that all of this is about."""
    return new_database(tmp_path)


@pytest.fixture
def readiness(database) -> Readiness:
    return Readiness(database)


def later(readiness: Readiness) -> str | None:
    """What is said when the last answer is no longer fresh."""
    time.sleep(FRESH_SECONDS)
    return readiness.problem()


def wal_size(database: Database) -> int:
    return database.file.with_name(f"{database.file.name}-wal").stat().st_size


def test_looking_at_a_good_database_writes_nothing(database, readiness) -> None:
    ask(new_store(database), q1="x")
    sizes = [wal_size(database), database.file.stat().st_size]
    assert (readiness.problem(), later(readiness)) == (None, None)
    assert [wal_size(database), database.file.stat().st_size] == sizes


class CountingDatabase(Database):
    reads = 0

    def read(self, *call):
        self.reads += 1
        return super().read(*call)


def test_a_crowd_that_asks_costs_one_look_a_second(database) -> None:
    counting = CountingDatabase(database.url)
    readiness = Readiness(counting)
    for _ in range(3):
        crowd = [gevent.spawn(readiness.problem) for _ in range(200)]
        gevent.joinall(crowd, timeout=5, raise_error=True)
    assert counting.reads == 1
    assert later(readiness) is None
    assert counting.reads == 2


class HangingDatabase(Database):
    def read(self, *_call):
        gevent.sleep(60)


def test_a_disk_that_hangs_keeps_nobody_waiting_for_it(database) -> None:
    readiness = Readiness(HangingDatabase(database.url))
    crowd = [gevent.spawn(readiness.problem) for _ in range(20)]
    gevent.joinall(crowd, timeout=PATIENCE_SECONDS + 0.5, raise_error=True)
    assert {each.value for each in crowd} == {"no answer within 2.5 s"}


def test_one_who_leaves_does_not_end_the_look_for_the_others(database, readiness) -> None:
    with locked(database.file):
        first = gevent.spawn(readiness.problem)
        gevent.sleep(0.05)
        second = gevent.spawn(readiness.problem)
        gevent.sleep(0.05)
        first.kill()
        assert second.get(timeout=5) == LOCKED


def test_a_lock_is_told_before_long_though_nobody_writes_and_is_over_when_it_is(database, readiness) -> None:
    with locked(database.file):
        begun = time.monotonic()
        assert readiness.problem() == LOCKED
        assert time.monotonic() - begun < 2 * LOOK_SECONDS
    assert later(readiness) is None


def test_a_full_disk_is_told_until_a_write_has_reached_the_disk_again(database, readiness) -> None:
    store = new_store(database)
    ask(store, q1="x")
    assert readiness.problem() is None
    with full_disk(database.file):
        with pytest.raises(StoreError):
            ask(store, q2="x" * 50_000)
        for _ in range(2):
            assert later(readiness) is not None
        size = wal_size(database)
    assert later(readiness) is None
    assert wal_size(database) - size < 20_000, "looking takes little room"
    assert later(readiness) is None
    ask(store, q3="x")


def test_a_disk_with_hardly_any_room_is_told_though_small_writes_succeed(database, monkeypatch) -> None:
    """A tmpfs of this size takes root; what the system says of the disk is all that differs."""
    real = os.statvfs(database.file.parent)
    numbers = list(real)
    numbers[4] = 4 * 2**20 // real.f_frsize - 1
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(numbers))
    assert Readiness(database).problem() == "disk full"
    numbers[4] += 1
    assert Readiness(database).problem() is None
    numbers[8] |= os.ST_RDONLY
    assert Readiness(database).problem() == "read-only"


def test_what_is_said_goes_to_the_log_once_when_it_begins_and_once_when_it_is_over(
    database, monkeypatch, caplog
) -> None:
    """Nobody writes: what the system says of the disk is all that there is."""
    gevent.sleep(SETTLED_SECONDS)  # what earlier tests' faults say when they are over
    caplog.clear()
    real = os.statvfs(database.file.parent)
    full = list(real)
    full[4] = 0
    readiness = Readiness(database)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: os.statvfs_result(full))
        for _ in range(3):
            assert [readiness.problem(), later(readiness)] == ["disk full"] * 2
    for _ in range(3):
        assert later(readiness) is None
    gevent.sleep(SETTLED_SECONDS)
    told = [line for line in caplog.messages if line.startswith("/ready")]
    assert told[:1] == ["/ready says unready: disk full"]
    assert [line.startswith("/ready says ready again, after ") for line in told[1:]] == [True]


def test_a_file_that_is_gone_and_one_of_another_version_are_told(database, readiness) -> None:
    away = database.file.with_suffix(".away")
    database.file.rename(away)
    assert readiness.problem() == "missing, or cannot be opened: run `flask prepare` where there was none"
    away.rename(database.file)
    assert later(readiness) is None
    database.write(lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'"))
    assert later(readiness) == OTHER_VERSION


def test_damage_that_a_call_has_found_is_told_until_the_file_is_whole(database) -> None:
    ask(new_store(database), q1="x")
    database.checkpoint()
    fresh = Database(database.url)  # one that remembers no pages
    ready = Readiness(fresh)
    assert ready.problem() is None
    with damaged(database.file):
        with pytest.raises(StoreError, match="not available"):
            rows(fresh, "SELECT * FROM messages")
        assert later(ready) == DAMAGED
        assert later(ready) == DAMAGED
    assert later(ready) is None
    assert len(rows(fresh, "SELECT * FROM messages")) == 1, "nothing of the damage is remembered"
