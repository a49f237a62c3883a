"""What a question and a token cost in what does not waver: switches between greenlets, statements, commits, writes to
files, and those to sockets, and the blocks of memory that stay allocated (CPython counts no others). Who makes one of
these figures greater says why; docs/performance.md says what they are in time."""

import json
import os
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.wires import WidgetStream

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import LAST, ModelServer, chunk, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually, new_session_id
from app.testing.sockets import body_of, read_all

COUNTING = Path(__file__).parent.parent / "support" / "counting"
TIMES = 5
TOKENS = 50
SEGMENTS_WITH_DATA = 152  # where tcpi_data_segs_in stands in Linux's struct tcp_info


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(model, tmp_path_factory) -> Iterator[Server]:
    """On SQLite: what PostgreSQL's statements cost are trips, which tests/unit/store/test_trips.py counts."""
    folder = tmp_path_factory.mktemp("costs")
    config = CONFIG + (
        f'\n[models.counted]\nprovider = "openai"\nbase_url = "{model.url}/v1"\nmodel = "m-1"\n'
        '[agents.counted]\nmodel = "counted"\n'
    )
    env = {"PYTHONPATH": f"{COUNTING}", "COUNTS_IN": f"{folder / 'counts.json'}", "DATABASE_URL": ""}
    with Server(folder, config=config, env=env) as running:
        yield running


@pytest.fixture(scope="module")
def caller(server) -> Caller:
    return Caller(WidgetStream(), server, server.key("widget", "counted"))


def counted(server: Server) -> Counter[str]:
    file = Path(server.env["COUNTS_IN"])
    file.unlink(missing_ok=True)
    os.kill(server.worker_pid(), signal.SIGRTMIN + 1)
    return Counter(json.loads(eventually(lambda: file.exists() and file.read_text()))) + file_calls(server)


def file_calls(server: Server) -> Counter[str]:
    """System calls that read or write files, the event loop's own among them; those of sockets are of other kinds."""
    lines = Path(f"/proc/{server.worker_pid()}/io").read_text().splitlines()
    return Counter(
        {name: int(value) for name, value in (line.split(": ") for line in lines) if name.startswith("sysc")}
    )


def ask(model: ModelServer, caller: Caller, tokens: int) -> int:
    """A question; returns how many times the server has written to its caller."""
    words = [f"w{number} " for number in range(tokens)]
    spoken = [each for word in words for each in (chunk(OPENAI.text(word)), 0.004)]
    model.play([*streamed(OPENAI.begin), 0.02, *spoken, 0.02, chunk(OPENAI.end()) + LAST])
    with closing(caller.open(new_session_id())) as connection:
        answer = read_all(connection)
        assert caller.wire.decode(body_of(answer)).text == "".join(words)
        return segments(connection)


def segments(connection: socket.socket) -> int:
    """How many have come with data: the server writes each piece at once, and as one."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("I", info, SEGMENTS_WITH_DATA)[0])


def costs(server: Server, model: ModelServer, caller: Caller, tokens: int) -> tuple[Counter[str], list[int]]:
    """Of TIMES questions, and how many writes each took. The first ones of a worker do more."""
    ask(model, caller, tokens)
    time.sleep(0.3)
    before = counted(server)
    writes = [ask(model, caller, tokens) for _ in range(TIMES)]
    time.sleep(0.3)
    after = counted(server)
    after.subtract(before)
    return after, writes


def test_a_question_costs_no_more_than_it_did(server, model, caller) -> None:
    spent, writes = costs(server, model, caller, 2)
    statements = sum(count for word, count in spent.items() if word in {"select", "insert", "update", "delete"})
    checkpoint = spent["commit"] - 2 * TIMES  # every five seconds, of an answer that runs then
    assert checkpoint in {0, 1}, "the question before it is asked, the answer before its end is told"
    assert statements <= 7 * TIMES + 3 * checkpoint, (
        "the conversation, it, question and answer; it, the answer, the key that pays"
    )
    assert min(writes) == 4, "head and beginning, two tokens, the last piece and what ends the response"
    assert spent["switch"] / TIMES < 25
    assert spent["blocks"] / TIMES < 40, "objects that are kept when it has been answered, in caches that have an end"
    assert spent["syscw"] / TIMES < 45, "twice for each of 18 pages of the database's log, and a few lines and wake-ups"


def test_a_token_costs_a_write_and_wakes_nobody(server, model, caller) -> None:
    few, writes_of_few = costs(server, model, caller, 2)
    many, writes_of_many = costs(server, model, caller, 2 + TOKENS)
    assert min(writes_of_many) - min(writes_of_few) <= TOKENS
    each = (many["switch"] - few["switch"]) / (TIMES * TOKENS)
    assert each < 1, "two where the greenlet is woken, as it is for tokens that a busy machine has let come together"
    assert (many["blocks"] - few["blocks"]) / (TIMES * TOKENS) < 0.1, "nothing of a token is kept behind its answer"
    assert abs(many["commit"] - few["commit"]) <= 1, "a checkpoint, every five seconds"
    assert (many["syscw"] - few["syscw"]) / (TIMES * TOKENS) < 0.5, (
        "but for what greenlets, threads and files are woken by"
    )
