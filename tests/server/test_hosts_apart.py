"""Two hosts with a network each, nginx in front of both, and one PostgreSQL and one Redis: whoever comes back to an
answer may come to the other host; and where a host is cut off, all who wait for its answers are told.

A host's cable is pulled out; or what goes one way is lost, while the other way is open, which no program is told of.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import requests
from support.networks import Host, Network
from support.nginx import Front, documented, needs_nginx, nginx
from support.redis_server import redis_server
from support.wires import STREAMS, WidgetStream

from app.testing.asked import SAID, WORDS, Asked, cursors, last, numbered, spoken
from app.testing.caller import Caller
from app.testing.postgres import Postgres
from app.testing.repeating_suite import REPLAYED, Repeated
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import read_all
from app.testing.wire_client import BROKEN_OFF, STOPPED, WireClient

pytestmark = [pytest.mark.timed, pytest.mark.networks, needs_nginx]

MIDDLE = "10.77.0.1"
BEATING = "SELECT id FROM workers WHERE beats > 0"
LISTENING = "parlance:*:worker:*"
LOST_SECONDS = 9  # as nginx's host notices a dead connection here: docs/several-servers.md has 30


@dataclass
class Hosts:
    """All callers are in the middle. `either` is nginx's choice of hosts."""

    middle: Network
    cable: Host
    first: Front
    second: Front
    either: Front

    def caller(self, wire: WireClient) -> Caller:
        """Asks at the first host and comes back at the second."""
        if wire.key_kind == "session":  # signs up by the server's own address
            with self.cable.inside():
                return Caller(wire, self.first, self.first.key("session"), self.second)
        return Caller(wire, self.first, self.first.key(wire.key_kind), self.second)


@pytest.fixture(scope="module")
def made_hosts(tmp_path_factory) -> Iterator[Hosts]:
    with ExitStack() as stack:
        middle = Network()
        stack.callback(middle.close)
        middle.run(f"ip address add {MIDDLE}/32 dev lo")
        middle.set(tcp_keepalive_time=LOST_SECONDS - 6, tcp_keepalive_intvl=2, tcp_keepalive_probes=3)
        with middle.inside():
            postgres = stack.enter_context(Postgres(MIDDLE))
            redis = stack.enter_context(redis_server(tmp_path_factory.mktemp("redis"), address=MIDDLE))
        env = {
            "DATABASE_URL": postgres.url(postgres.new_database()),
            "REDIS_URL": redis.url,
            "PARLANCE_SECRET_KEY": "s" * 40,
            "PARLANCE_TRUSTED_HOPS": "1",
        }
        places, servers = [], []
        for number in (1, 2):
            host = Host(middle, number, MIDDLE)
            stack.callback(host.close)
            with host.inside():
                server = Server(tmp_path_factory.mktemp("host"), env=env, at="0.0.0.0")
                servers.append(stack.enter_context(server))
            places.append((host, f"{host.address}:{server.port}"))
        with middle.inside():
            hosts = Hosts(middle, places[0][0], *(Front(server) for server in (*servers, servers[1])))
            behind = {hosts.first: places[:1], hosts.second: places[1:], hosts.either: places}
            configured = [documented(front, [at for _, at in of]) for front, of in behind.items()]
            folder = tmp_path_factory.mktemp("nginx")
            stack.enter_context(nginx(folder, *configured, fronts=[*behind]))
            eventually(lambda: len(redis.client.pubsub_channels(LISTENING)) == 2)
        yield hosts


@pytest.fixture
def hosts(made_hosts) -> Iterator[Hosts]:
    with made_hosts.middle.inside():
        yield made_hosts


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
def test_an_answer_is_read_on_stopped_and_asked_for_again_at_the_other_host(hosts, wire) -> None:
    caller = hosts.caller(wire)
    with Asked(caller, script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
        begun = numbered(asked.begun())
        listener = asked.read_on(cursors(begun)[-1], stream=True)
        assert asked.stop().status_code == 200
        assert STOPPED.encode() in last(numbered(asked.rest()))
        told = numbered(listener.content)
        assert spoken([*begun, *told]) == f"{WORDS}so far"
        assert any(words.encode() in last(told) for words in (STOPPED, BROKEN_OFF)), "as Redis or the row was first"
    repeated = Repeated(hosts.caller(wire), script({"text": "so "}, {"pause": 1}, {"text": new_session_id()}))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(repeated.ask)
        eventually(repeated.times_asked)
        joined = repeated.ask()
    assert wire.decode(joined.content).text == wire.decode(first.result().content).text
    assert (joined.headers[REPLAYED], repeated.times_asked()) == ("true", 1)


def test_who_waits_for_a_host_whose_cable_is_pulled_out_is_told_and_served_by_the_other(hosts) -> None:
    with cut_off(hosts, Host.unplug, Host.plug) as asked:
        said = read_all(asked.connection, 2 * LOST_SECONDS)
        assert not said.endswith(b"0\r\n\r\n"), "the host's silence ends the connection"


def test_and_where_nothing_reaches_it_which_it_is_not_told_of(hosts) -> None:
    with cut_off(hosts, Host.deafen, Host.undeafen) as asked:
        heard = asked.connection.dup()
    with heard:
        said = read_all(heard, 30)
    assert b"The answer was lost" in said or not said.endswith(b"0\r\n\r\n"), "it never ends as if it were whole"


@contextmanager
def cut_off(hosts: Hosts, away: Callable[[Host], None], back: Callable[[Host], None]) -> Iterator[Asked]:
    """A question to the first host, which is away as soon as its answer has begun, and back at the end: when the other
    host has told whoever followed it, and has taken over."""
    caller = hosts.caller(WidgetStream())
    eventually(lambda: len(hosts.second.rows(BEATING)) == 2, 20)  # each has seen the other
    with Asked(caller, script({"text": "so far"}, {"pause": 90})) as asked:
        listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
        began = time.monotonic()
        away(hosts.cable)
        try:
            either = Caller(WidgetStream(), hosts.either, caller.key)
            assert [either.ask(script({"text": "hi"})).status_code for _ in range(4)] == [200] * 4
            told = numbered(listener.content)
            assert time.monotonic() - began < 15
            assert (spoken(told), BROKEN_OFF.encode() in last(told)) == ("so far", True)
            assert asked.status() == "interrupted"
            again = {**asked.body, "message": script({"text": "next"})}
            assert either.post(again).status_code == 200, "the conversation is free"
            yield asked
        finally:
            back(hosts.cable)
        eventually(lambda: requests.get(f"{hosts.first.url}/ready", timeout=5).status_code == 200, 30)
        assert caller.ask(script({"text": "hi"})).status_code == 200
