"""Two hosts are cut off from PostgreSQL and Redis, and these stop and end, while callers ask at both."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.hosts import Host, Hosts, stopped, two_hosts
from support.proxy import delay, dribble, halve, reset
from support.torture import scaled, seed
from torture.checker import faults, wait_until_quiet
from torture.servers import keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.configuration import CONFIG

pytestmark = pytest.mark.timed(tries=1)

NO_LIMIT = CONFIG.replace("[limits]\n", '[limits]\nthings = "100000/minute"\n')
Harm = Callable[[Hosts, Host, float], None]


def way_harm(name: str, harm: Callable) -> Harm:
    def do(_hosts: Hosts, host: Host, seconds: float) -> None:
        harm(getattr(host, name))
        time.sleep(seconds)
        host.mend()

    return do


def answers(carry: Callable) -> Callable:
    return lambda way: setattr(way, "answer", carry)


def _stop_postgres(hosts: Hosts, _host: Host, seconds: float) -> None:
    hosts.postgres.stop()
    time.sleep(min(seconds, 2))
    hosts.postgres.start()


def _freeze_postgres(hosts: Hosts, _host: Host, seconds: float) -> None:
    with stopped(hosts.postgres.pids()):
        time.sleep(seconds)


def _restart_redis(hosts: Hosts, _host: Host, seconds: float) -> None:
    hosts.redis.stop()
    time.sleep(seconds)
    hosts.redis.start()


def _stop_host(_hosts: Hosts, host: Host, seconds: float) -> None:
    with host.stopped():
        time.sleep(seconds)


HARM: dict[str, Harm] = {
    f"{name} {word}": way_harm(name, harm)
    for name in ("to_postgres", "to_redis")
    for word, harm in {
        "held": lambda way: way.hold(),
        "cut": lambda way: way.cut(),
        "delayed": answers(delay(0.2)),
        "halved": answers(halve),
        "reset": answers(reset),
        "dribbled": answers(dribble),
    }.items()
} | {
    "PostgreSQL crashed": _stop_postgres,
    "PostgreSQL frozen": _freeze_postgres,
    "Redis restarted": _restart_redis,
    "host stopped": _stop_host,
}


@pytest.mark.parametrize("number", range(scaled(1, 10)))
def test_nothing_acknowledged_is_lost_whatever_the_hosts_are_cut_off_from(tmp_path: Path, number: int) -> None:
    ledger, chance = Ledger(), random.Random(seed() + number)
    with two_hosts(tmp_path, NO_LIMIT) as hosts, ExitStack() as stack:
        keys = keys_of(hosts.a.server) | sign_up(hosts.a.server)
        loads = [
            stack.enter_context(Workload(host.server, keys, ledger, f"{seed() + number} {name}", callers=5))
            for name, host in (("a", hosts.a), ("b", hosts.b))
        ]
        harms = [chance.choice([*HARM]) for _ in range(scaled(6, 60))]
        for name in harms:
            HARM[name](hosts, chance.choice([hosts.a, hosts.b]), chance.choice([0.3, 1, 3]))
            time.sleep(chance.uniform(0, 1))
        HARM["to_postgres held"](hosts, chance.choice([hosts.a, hosts.b]), 17)
        hosts.mend()
        assert all(load.wait_for("ended", 10) for load in loads), "it goes on by itself"
        for load in loads:
            load.stop()
        for host in (hosts.a, hosts.b):
            wait_until_quiet(host.server)
        assert faults(hosts.a.server, ledger) == [], harms
        assert ledger.acknowledged > 50
