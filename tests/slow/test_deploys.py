"""What is done to servers while hundreds of answers are under way cuts none of them, and refuses nobody who comes."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from support.deploys import Streams, let_go, newcomers, start_again
from support.nginx import Front, documented, needs_nginx, nginx
from support.wires import WidgetStream

from app.testing.caller import Caller
from app.testing.postgres import shared_postgres
from app.testing.server import Server, eventually

pytestmark = pytest.mark.alone(tries=1)

NUMBER, WORDS, EVERY = 200, 28, 0.5
PATIENT = {"shutdown_seconds = 2": "shutdown_seconds = 40"}
MAKERS = "SELECT count(*) AS made FROM messages WHERE status = 'running' GROUP BY worker"
WORKERS = "SELECT id FROM workers"
UNDONE = "SELECT status, count(*) FROM messages WHERE status != 'complete' GROUP BY status"


def environment(redis, **more: str) -> dict[str, str]:
    postgres = shared_postgres()
    shared = {"DATABASE_URL": postgres.url(postgres.new_database()), "PARLANCE_SECRET_KEY": "s" * 40}
    return {**shared, "REDIS_URL": redis.url, **more}


def test_signals_to_one_of_two_workers_and_a_reload_cut_no_answer(redis, tmp_path, record_property) -> None:
    env = environment(redis, WEB_CONCURRENCY="2")
    with Server(tmp_path, env=env, changes=PATIENT) as server:
        eventually(lambda: len(server.worker_pids()) == 2)
        caller = Caller(WidgetStream(), server, server.key("widget"))
        streams = Streams(caller, NUMBER, WORDS, EVERY)
        made = [row["made"] for row in server.rows(MAKERS)]
        with newcomers(caller) as came:
            one, other = server.worker_pids()
            os.kill(one, signal.SIGHUP)  # which is the master's, and means nothing to a worker
            os.kill(other, signal.SIGTERM)
            time.sleep(3)
            os.kill(server.master_pid(), signal.SIGHUP)
            cut = streams.cut(60)
        eventually(lambda: len(server.worker_pids()) == 2 and not {one, other} & {*server.worker_pids()}, 20)
        record_property("told", f"two workers, {made} streams, {len(cut)} cut; newcomers: {came}")
        assert len(made) == 2, "both make some of them"
        assert cut == []
        assert set(came.told) == {"200"}
        assert [dict(row) for row in server.rows(UNDONE)] == []


@dataclass
class Hosts:
    first: Server
    second: Server
    front: Front


@pytest.fixture
def hosts(redis, tmp_path) -> Iterator[Hosts]:
    env = environment(redis, PARLANCE_TRUSTED_HOPS="1")
    with (
        Server(tmp_path / "first", env=env, changes=PATIENT) as first,
        Server(tmp_path / "second", env=env, changes=PATIENT) as second,
    ):
        front = Front(first)
        servers = documented(front, [f"127.0.0.1:{let_go(each).port}" for each in (first, second)])
        (tmp_path / "nginx").mkdir()
        with nginx(tmp_path / "nginx", servers, fronts=[front]):
            yield Hosts(first, second, front)


@needs_nginx
def test_a_restart_of_one_of_two_hosts_and_a_reload_of_the_other_cut_no_answer(hosts, record_property) -> None:
    caller = Caller(WidgetStream(), hosts.front, hosts.first.key("widget"))
    streams = Streams(caller, NUMBER, WORDS, EVERY)
    made = [row["made"] for row in hosts.first.rows(MAKERS)]
    with newcomers(caller) as came, ThreadPoolExecutor(2) as pool:
        stopping = pool.submit(hosts.first.stop, 60)
        time.sleep(3)
        os.kill(hosts.second.master_pid(), signal.SIGHUP)
        cut = streams.cut(60)
        stopping.result(60)
        eventually(lambda: len(hosts.second.rows(WORKERS)) == 1)  # long before those who end could be taken for dead
        start_again(hosts.first)
        time.sleep(2)
    record_property("told", f"two hosts, {made} streams, {len(cut)} cut; newcomers: {came}")
    assert len(made) == 2, "both make some of them"
    assert cut == []
    assert came.were_served(), came
    assert [dict(row) for row in hosts.first.rows(UNDONE)] == []
