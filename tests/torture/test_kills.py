"""kill -9 at moments of all kinds: what was acknowledged is there afterwards, once, and paid for exactly."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.redis_server import redis_server
from support.torture import scaled, seed
from torture.checker import children_left, faults, is_sound, wait_until_quiet
from torture.servers import Victim, keys_of, sign_up
from torture.workload import MOMENTS, Ledger, Workload
from torture.workshop import workshop

from app.testing.postgres import shared_postgres
from app.testing.server import eventually

BATCH = 50  # kills between two looks at the database


def kill_some(victim: Victim, load: Workload, chance: random.Random, kills: int, *, patient: bool) -> None:
    """Each at a moment of its own: while the worker starts, or shortly after something happened to any caller. With
    `patient`, not before somebody was answered since the last."""
    for _ in range(kills):
        if patient:
            assert load.wait_for("ended", 30)
        if chance.random() < 0.15:
            killed = victim.new_worker()
            time.sleep(chance.uniform(0, 0.2))
        else:
            load.wait_for(chance.choice(MOMENTS), 2)
            time.sleep(chance.choice((0, 10 ** chance.uniform(-5, -1.5))))
            killed = chance.choice(eventually(victim.living, 15))
        victim.kill_worker(killed)


def survives(victim: Victim, kills: int, start: int, *, patient: bool = False) -> str:
    """Kill so often, and check each time; returns what was done."""
    begun, chance, ledger = time.monotonic(), random.Random(start), Ledger()
    keys = keys_of(victim) | sign_up(victim)
    for batch in range(0, kills, BATCH):
        with Workload(victim, keys, ledger, f"{start} {batch}") as load:
            kill_some(victim, load, chance, min(BATCH, kills - batch), patient=patient)
        wait_until_quiet(victim)
        assert faults(victim, ledger) == [], f"PARLANCE_TORTURE_SEED={start}"
    assert is_sound(victim)
    eventually(lambda: not children_left(victim.dead_workers()))
    assert ledger.acknowledged > kills, ledger
    seconds = time.monotonic() - begun
    return f"seed {start}: {kills} kills in {seconds:.0f} s, {ledger}, {dict(ledger.statuses)}"


@contextmanager
def two_workers(folder: Path) -> Iterator[Victim]:
    """Of one server on PostgreSQL and Redis: while one is killed, and a new one begins, the other goes on."""
    postgres = shared_postgres()
    with postgres.database() as name, redis_server(folder) as redis:
        env = {"DATABASE_URL": postgres.url(name), "REDIS_URL": redis.url, "WEB_CONCURRENCY": "2"}
        with Victim(folder / "server", env=env) as victim:
            yield victim


@pytest.mark.timed(tries=1)
@pytest.mark.parametrize("part", range(scaled(1, 4)))
def test_what_was_acknowledged_survives_kills_of_the_worker(tmp_path: Path, part: int, record_property) -> None:
    with Victim(tmp_path / "server") as victim:
        record_property("told", survives(victim, scaled(25, 850), seed() + part))


@pytest.mark.timed(tries=1)
@pytest.mark.parametrize("part", range(scaled(1, 4)))
def test_so_it_does_where_two_workers_share_postgresql(tmp_path: Path, part: int, record_property) -> None:
    with two_workers(tmp_path) as victim:
        record_property("told", survives(victim, scaled(25, 850), seed() + part))


@pytest.mark.timed(tries=1)
def test_so_it_does_with_workflows_and_own_tools_and_the_servers_own_start(tmp_path: Path, record_property) -> None:
    with workshop(tmp_path / "server") as victim:
        record_property("told", survives(victim, scaled(4, 200), seed(), patient=True))
        assert victim.rows("SELECT 1 FROM runs JOIN run_steps ON run_id = runs.id WHERE step_id = 'count'")
