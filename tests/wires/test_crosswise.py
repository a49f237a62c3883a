"""The guarantees' matrix, crosswise: who comes back to an answer, stops it or asks for it again does so at another
worker than the one that makes it. Two servers share a Redis, and a database: SQLite's file, as workers of one host, or
PostgreSQL's, as two hosts.

All rows are shown at two hosts, by a wire that streams and by one that does not; by every wire those that its own code
has a part in; and at two workers of a host those that depend on who makes the answer. `make matrix` shows all of it
everywhere, which takes a quarter of an hour.
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from support.redis_server import RedisServer
from support.two_servers import second_server
from support.wires import STREAMS, WHOLE

from app.testing.caller import Caller
from app.testing.guarantees import ROWS, payer_on
from app.testing.guarantees_suite import StreamGuaranteesSuite, WholeGuaranteesSuite
from app.testing.plugin import FINISHING, LEFT_FOR_A_MOMENT, WAITING, variant
from app.testing.postgres import shared_postgres
from app.testing.repeating_suite import RepeatingSuite
from app.testing.server import Server, eventually
from app.testing.wire_client import WireClient

Pair = tuple[Server, Server]
VARIANTS = {"plain": ({}, {}), "finishing": ({}, FINISHING), "waiting": (WAITING, LEFT_FOR_A_MOMENT)}


class Pairs:
    """Of servers, each started when the first test asks for it."""

    def __init__(self, kind: str, base: Server, redis: RedisServer, folders: pytest.TempPathFactory) -> None:
        self._kind, self._base, self._redis, self._folders = kind, base, redis, folders
        self._started: dict[str, Pair] = {}
        self._stack = ExitStack()

    def of(self, name: str) -> Pair:
        if name not in self._started:
            channels = len(self._redis.client.pubsub_channels("parlance:*:worker:*"))
            self._started[name] = self._stack.enter_context(self._pair(name))
            eventually(lambda: len(self._redis.client.pubsub_channels("parlance:*:worker:*")) == channels + 2)
        return self._started[name]

    def close(self) -> None:
        self._stack.close()

    @contextmanager
    def _pair(self, name: str) -> Iterator[Pair]:
        more = {"REDIS_URL": self._redis.url}
        if self._kind == "postgresql":
            postgres = shared_postgres()
            more |= {"DATABASE_URL": postgres.url(postgres.new_database()), "PARLANCE_SECRET_KEY": "s" * 40}
        with self._server(name, more) as first:
            second = (
                self._server(name, more)
                if self._kind == "postgresql"
                else second_server(first, self._folders.mktemp("second"))
            )
            with second as other:
                yield first, other

    def _server(self, name: str, more: dict[str, str]) -> Server:
        return variant(self._base, self._folders.mktemp(name), *VARIANTS[name], more)


@pytest.fixture(scope="module")
def hosts(server, running_redis, tmp_path_factory) -> Iterator[Pairs]:
    made = Pairs("postgresql", server, running_redis, tmp_path_factory)
    yield made
    made.close()


@pytest.fixture(scope="module")
def workers(server, running_redis, tmp_path_factory) -> Iterator[Pairs]:
    made = Pairs("sqlite", server, running_redis, tmp_path_factory)
    yield made
    made.close()


def across(pairs: Pairs, name: str, wire: WireClient) -> Iterator[Caller]:
    """Who asks at the first server, and comes back at the other."""
    first, other = pairs.of(name)
    for payer in payer_on(first, wire):
        yield replace(payer, back=other)


class AtHosts:
    @pytest.fixture
    def pairs(self, hosts: Pairs) -> Pairs:
        return hosts

    @pytest.fixture
    def payer(self, pairs: Pairs, wire: WireClient) -> Iterator[Caller]:
        yield from across(pairs, "plain", wire)

    caller = payer

    @pytest.fixture
    def finishing(self, pairs: Pairs, wire: WireClient) -> Iterator[Caller]:
        yield from across(pairs, "finishing", wire)

    @pytest.fixture
    def waiting(self, pairs: Pairs, wire: WireClient) -> Iterator[Caller]:
        yield from across(pairs, "waiting", wire)


class AtWorkers(AtHosts):
    @pytest.fixture
    def pairs(self, workers: Pairs) -> Pairs:
        return workers


EVERYWHERE = "PARLANCE_WHOLE_MATRIX" in os.environ
WHILE_IT_RUNS = {
    "read on a running answer, from every position",
    "read on twice at once",
    "stop",
    "stop by another request of the owner",
    "stop before the first token",
    "leave, with ids or a key: come back",
    "repeat while it runs",
    "worker killed",
    "server restarting",
}
OF_EACH_WIRE = {"read on a running answer, from every position", "stop", "repeat while it runs"}


def shows(wires: Collection[WireClient], rows: Collection[str] = ROWS) -> Callable[[type], type]:
    """Of a suite's tests those that show one of these rows of the matrix, or any where EVERYWHERE; by these wires."""

    def without_others(suite: type) -> type:
        for name in dir(suite):
            marks = getattr(getattr(suite, name), "pytestmark", ())
            shown = {mark.args[0] for mark in marks if mark.name == "guarantee"}
            if name.startswith("test_") and shown.isdisjoint(ROWS if EVERYWHERE else rows):
                setattr(suite, name, None)
        return pytest.mark.parametrize("wire", wires, ids=repr)(suite)

    return without_others


@shows(STREAMS[:1])
class TestStream(AtHosts, StreamGuaranteesSuite, RepeatingSuite):
    pass


@shows(WHOLE[:1])
class TestWhole(AtHosts, WholeGuaranteesSuite, RepeatingSuite):
    pass


@shows(STREAMS[1:], OF_EACH_WIRE)
class TestEveryStream(AtHosts, StreamGuaranteesSuite, RepeatingSuite):
    pass


@shows(WHOLE[1:], OF_EACH_WIRE)
class TestEveryWhole(AtHosts, WholeGuaranteesSuite, RepeatingSuite):
    pass


@shows(STREAMS if EVERYWHERE else STREAMS[-1:], WHILE_IT_RUNS)
class TestStreamOfOneHost(AtWorkers, StreamGuaranteesSuite, RepeatingSuite):
    pass


@shows(WHOLE if EVERYWHERE else WHOLE[-1:], WHILE_IT_RUNS)
class TestWholeOfOneHost(AtWorkers, WholeGuaranteesSuite, RepeatingSuite):
    pass
