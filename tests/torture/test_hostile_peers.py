"""Model servers that lie, drip, flood and stall, and callers who do so, all at once: everybody else is served, and
nothing of them stays."""

import itertools
import json
import random
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.torture import scaled, seed
from support.wires import WIRES
from torture.checker import faults, other_files, wait_until_quiet
from torture.servers import PRICED, Victim, keys_of, sign_up
from torture.workload import Ledger, Workload

from app.testing.caller import Caller
from app.testing.model_server import (
    CUT,
    LAST,
    RESET,
    SILENCE,
    Action,
    ModelServer,
    Request,
    SlowBytes,
    chunk,
    head,
    streamed,
    whole,
)
from app.testing.provider_apis import ANTHROPIC, OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import eventually, script
from app.testing.sockets import connect, read_until, request

pytestmark = pytest.mark.timed(tries=1)

Answer = Callable[[ProviderApi], Sequence[Action]]
MODELS: dict[str, Answer] = {
    "says nothing": lambda _: [SILENCE],
    "drips its head": lambda _: [SlowBytes(head(), 9)],
    "stalls after its head": lambda _: [head(), SILENCE],
    "stalls in mid-stream": lambda api: [*streamed(api.begin, api.text("x")), SILENCE],
    "drips its tokens": lambda api: [*streamed(api.begin), SlowBytes(chunk(api.text("x")) * 9, 9)],
    "only pings": lambda api: streamed(*[api.ping, 0.02] * 400),
    "never ends": lambda api: [*streamed(api.begin, *[api.text("x")] * 3), *[chunk(api.text("y")), 0.01] * 500],
    "is cut in its head": lambda _: [head()[:20], CUT],
    "is cut in mid-event": lambda api: [*streamed(api.begin, api.text("x"), api.text("y")[:9]), CUT],
    "is reset in mid-stream": lambda api: [*streamed(api.begin, api.text("x")), RESET],
    "ends without an end": lambda api: [*streamed(api.begin, api.text("x")), LAST],
    "promises more than it sends": lambda api: [head(content_length="9999") + api.begin + api.text("x"), CUT],
    "sends more than it promises": lambda api: [head(content_length="9") + api.begin + api.text("x") + api.end(), CUT],
    "counts its chunks wrongly": lambda api: [head() + b"3\r\n" + api.begin + api.text("x") + b"\r\n0\r\n\r\n", CUT],
    "sends a line without end": lambda _: [head(), chunk(b"data: "), *[chunk(b"x" * 250_000)] * 99],
    "floods it with fields": lambda _: [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000],
    "sends no JSON": lambda _: streamed(b"data: {{{\n\n"),
    "sends JSON of another shape": lambda _: streamed(b'data: {"choices": 7, "type": []}\n\n'),
    "sends a page": lambda _: whole(b"<html>" * 1000, content_type="text/html"),
    "refuses, and stalls": lambda _: [head(500), SILENCE],
    "refuses at length": lambda _: [head(429, retry_after="99999999"), *[chunk(b"no" * 100_000)] * 50],
    "redirects": lambda _: [head(307, location="http://127.0.0.1:1/", content_length="0")],
    "speaks another protocol": lambda _: [b"SSH-2.0-OpenSSH_9.2p1\r\n", SILENCE],
}
NAMES = list(MODELS)
TIMEOUTS = "timeouts = {connect = 1, first_token = 1, between_tokens = 1, total = 2}"
ENDED_SECONDS = 15  # two tries of two seconds, and what a busy machine takes


def configuration(model: ModelServer) -> str:
    return PRICED + "".join(
        f"""
[models.{api}]
provider = "{api}"
base_url = "{model.url}/v1"
model = "m-1"
credits = 5
{TIMEOUTS}

[agents.{api}]
model = "{api}"
"""
        for api in PROVIDER_APIS
    )


def answer(asked: Request) -> Sequence[Action]:
    """As the question says."""
    api = ANTHROPIC if asked.path.endswith("/messages") else OPENAI
    said = str(asked.json["messages"][-1]["content"])
    return next((MODELS[name](api) for name in NAMES if name in said), api.answer("x"))


def ask_bad_model(caller: Caller, name: str) -> str | None:
    """Ask, and tell what is wrong with the reply: it must come in time, and be the wire's."""
    begun, wire = time.monotonic(), caller.wire
    response = replace(
        caller
    ).ask(  # in a conversation of its own
        f"A model that {name}, by {wire} {caller.key[:6]}"
    )
    seconds = time.monotonic() - begun
    if seconds > ENDED_SECONDS:
        return f"{name}: {wire} waited {seconds:.0f} s"
    if response.status_code == wire.status:
        return None if wire.decode(response.content).ended else f"{name}: {wire} got {response.content[:300]!r}"
    if response.status_code not in (502, 503, 504) or not wire.is_error(response.status_code, response.json()):
        return f"{name}: {wire} got {response.status_code} {response.text[:300]}"
    return None


LONG = script({"text": "word " * 2000, "times": 2000})
SLOW = script({"text": "word ", "times": 100, "every": 0.02})


def drip(server: Victim, data: bytes, _: bytes) -> None:
    with connect(server) as connection, suppress(OSError):
        for byte in data[:150]:
            connection.sendall(bytes([byte]))
            time.sleep(0.01)


def stall_in_the_body(server: Victim, data: bytes, _: bytes) -> None:
    with connect(server) as connection, suppress(OSError):
        connection.sendall(data[:-5])
        connection.recv(65536)


def flood(server: Victim, data: bytes, _: bytes) -> None:
    """A hundred questions in one write, and then no look at the answers."""
    with connect(server) as connection, suppress(OSError):
        connection.sendall(data * 100)
        time.sleep(1)


def reset(server: Victim, data: bytes, _: bytes) -> None:
    connection = connect(server)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.sendall(data)
    time.sleep(random.random() / 5)
    connection.close()


def half_close(server: Victim, data: bytes, _: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        read_until(connection, b"[DONE]")


def never_read(server: Victim, _: bytes, long: bytes) -> None:
    with connect(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(long)
        time.sleep(3)


def talk_nonsense(server: Victim, _data: bytes, _long: bytes) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01" * 50, b"GET / HTTP/9.9\r\n\r\n", b"\0" * 9000, b"A" * 99_000):
        with connect(server) as connection, suppress(OSError):
            connection.sendall(nonsense)
            connection.recv(100)


def question(text: str) -> bytes:
    """A whole request."""
    return request("/api/chat", json.dumps({"messages": [{"role": "user", "content": text}]}).encode(), {})


CALLERS = (drip, stall_in_the_body, flood, reset, half_close, never_read, talk_nonsense)


@pytest.mark.parametrize("part", range(scaled(1, 10)))
def test_hostile_model_servers_and_callers_harm_nobody_else(tmp_path: Path, part: int) -> None:
    chance, ledger = random.Random(seed() + part), Ledger()
    with ModelServer() as model, Victim(tmp_path / "server", config=configuration(model), fast=False) as victim:
        model.always = answer
        keys, worker = keys_of(victim) | sign_up(victim), victim.worker_pid()
        hurt = [
            Caller(wire, victim, victim.key(wire.key_kind, f"{api}"))
            for wire, api in itertools.product(WIRES, PROVIDER_APIS)
        ]
        for caller in hurt:  # who finds out how to ask while all is well
            assert caller.ask("hello").status_code == caller.wire.status
        with Workload(victim, keys, ledger, seed() + part, callers=4) as load:
            assert load.wait_for("ended", 10)
        wait_until_quiet(victim)
        before = len(other_files(worker))
        with Workload(victim, keys, ledger, chance.random(), callers=4), ThreadPoolExecutor(60) as pool:
            data, long = (question(text) for text in (SLOW, LONG))
            bad = [pool.submit(one, victim, data, long) for one in CALLERS * scaled(2, 10)]
            asked = [pool.submit(ask_bad_model, chance.choice(hurt), name) for name in NAMES * scaled(2, 10)]
            assert [told for each in asked if (told := each.result())] == []
            for each in bad:
                each.result()
        wait_until_quiet(victim)
        assert faults(victim, ledger) == []
        assert all(asked.ended for asked in ledger.asked), "everybody else was answered"
        assert set(ledger.statuses) <= {200, 201}
        assert victim.worker_pid() == worker
        eventually(lambda: len(other_files(worker)) <= before, 40)  # idle connections to models are kept for 30 s
