"""Two hosts that get a new version one after the other, with a migration between: the old one serves beside the new
schema, and starts beside it, where the migration says so. Where it does not, nobody is left with a schema that he
cannot work with.

A version to come is a copy of the program that has one more migration.
"""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
import requests
from support.deploys import Streams, let_go, newcomers, next_version, start_again
from support.nginx import Front, documented, needs_nginx, nginx
from support.wires import WidgetStream

from app.testing.asked import SAID, WORDS, Asked, numbered, spoken
from app.testing.caller import Caller
from app.testing.postgres import shared_postgres
from app.testing.server import Server, eventually, script

# It needed its third try once, beside other tests, and why is not known; alone it passed each time.
pytestmark = [pytest.mark.timed(tries=5), needs_nginx]

EXPANDING = '''"""More columns, an index and a table: what servers of the version before do not miss."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("colour", sa.String(16), nullable=True))
    op.add_column("messages", sa.Column("weight", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_messages_weight", "messages", ["weight"])
    op.create_table("colours", sa.Column("name", sa.String(16), primary_key=True))
'''
CONTRACTING = '''"""A column is gone."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.drop_column("messages", "mark")
'''
PATIENT = {"shutdown_seconds = 2": "shutdown_seconds = 30"}
VERSION = "SELECT version_num FROM alembic_version"


@pytest.fixture
def hosts(running_redis, tmp_path) -> Iterator[tuple[Server, Server]]:
    postgres = shared_postgres()
    env = {
        "DATABASE_URL": postgres.url(postgres.new_database()),
        "REDIS_URL": running_redis.url,
        "PARLANCE_SECRET_KEY": "s" * 40,
    }
    with (
        Server(tmp_path / "first", env=env, changes=PATIENT) as first,
        Server(tmp_path / "second", env=env, changes=PATIENT) as second,
    ):
        yield let_go(first), let_go(second)


def prepared(server: Server) -> subprocess.CompletedProcess[str]:
    return server.flask_program("prepare", check=False)


def reads_on_elsewhere(here: Server, there: Server, key: str) -> None:
    with Asked(Caller(WidgetStream(), here, key, there), script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
        asked.begun()
        listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
        assert asked.stop().status_code == 200
        assert spoken(numbered(listener.content)) == f"{WORDS}so far"


def is_ready(server: Server) -> bool:
    checks = requests.get(f"{server.url}/ready", timeout=5).json()
    return bool(checks["status"] == "ready" and checks["checks"]["database"] == "ok")


def test_an_old_version_serves_beside_the_schema_of_the_next_one(hosts, tmp_path, record_property) -> None:
    first, second = hosts
    (before,) = (row["version_num"] for row in second.rows(VERSION))
    revision = f"{int(before[:4]) + 1:04}_since_{before[:4]}"
    root = next_version(tmp_path / "next", second.root, EXPANDING, revision, before)
    front = Front(second)
    (tmp_path / "nginx").mkdir()
    servers = documented(front, [f"127.0.0.1:{each.port}" for each in hosts])
    with nginx(tmp_path / "nginx", servers, fronts=[front]):
        caller = Caller(WidgetStream(), front, second.key("widget"))
        with newcomers(caller) as came:
            first.stop()
            first.root = root
            streams = Streams(caller, 20, 40, 0.3)
            ran = prepared(first)
            assert (ran.returncode, ran.stderr) == (0, "")
            assert [row["version_num"] for row in second.rows(VERSION)] == [revision]
            start_again(first)
            assert streams.cut(20) == []
            assert is_ready(first)
            assert is_ready(second), "it has not heard of the migration, and needs nothing of it"
            for here, there in ((first, second), (second, first)):
                reads_on_elsewhere(here, there, second.key("widget"))
            workers = second.worker_pids()
            os.kill(second.master_pid(), signal.SIGHUP)
            eventually(lambda: set(second.worker_pids()) - set(workers), 20)
            second.stop()
            start_again(second)
            assert is_ready(second), "it starts beside it, too"
            assert prepared(second).returncode == 0, "and has nothing to do"
            second.stop()
            second.root = root
            start_again(second)
        assert came.were_served(), came
    record_property("told", f"two hosts upgraded; newcomers: {came}")


def test_a_migration_that_old_versions_cannot_work_with_waits_for_their_end(hosts, tmp_path) -> None:
    first, second = hosts
    (before,) = (row["version_num"] for row in first.rows(VERSION))
    first.stop()
    first.root = next_version(tmp_path / "next", second.root, CONTRACTING, f"{int(before[:4]) + 1:04}", before)
    refused = prepared(first)
    assert refused.returncode == 1
    assert "in use by a server that cannot work with what it would become: stop that one first" in refused.stderr
    assert [row["version_num"] for row in second.rows(VERSION)] == [before]
    assert is_ready(second)
    second.stop()
    assert prepared(first).returncode == 0
    with pytest.raises(AssertionError, match="of a newer Parlance: install that one, or restore a backup"):
        start_again(second)
