"""Reading back costs others nothing: however long a conversation is, the rest of the server is answered meanwhile."""

import json
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from support.users import Person
from support.wires import HISTORIES

from app.testing.caller import Caller
from app.testing.history_suite import fill
from app.testing.server import ROOT, Server, script
from app.web.requests.ids import stored_id

READERS = 4
SECONDS = 3
MOST_HELD = 50  # milliseconds of CPU time
PROBED = {"wsgi": "support.loop_probe:app", "env": {"PYTHONPATH": str(ROOT / "tests")}}


def peak(server: Server) -> int:
    """The most memory that the worker has had, in bytes."""
    status = Path(f"/proc/{server.worker_pid()}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def longest_hold(server: Server) -> float:
    """For how long something has held the loop at most since it was asked last, in milliseconds of CPU time."""

    return max((held for held, _ in requests.get(f"{server.url}/probe", timeout=30).json()), default=0.0)


@pytest.mark.timed
@pytest.mark.parametrize("wire", HISTORIES, ids=repr)
def test_a_conversation_of_40_megabytes_is_read_without_holding_up_or_weighing_on_anybody(start, wire) -> None:
    server = start(**PROBED)
    caller = Caller(wire, server, server.key(wire.key_kind))
    question = script({"text": "hello"})
    path = wire.history_path(caller.path, caller.ask(question).content)
    fill(caller, caller.stored(question)[0]["conversation_id"], ["x" * 100_000] * 400)
    before, until, read, waits = peak(server), time.monotonic() + SECONDS, [], []

    def page_by_page() -> None:
        with requests.Session() as session:
            cursor = None
            while time.monotonic() < until:
                query = {"limit": 100, **({"cursor": cursor} if cursor else {})}
                response = session.get(
                    f"{server.url}{path}", headers=wire.headers(caller.key), params=query, timeout=30
                )
                assert response.status_code == 200
                read.append(len(response.content))
                cursor = wire.history_page(response.json())[1]

    readers = [threading.Thread(target=page_by_page) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    longest_hold(server)
    with requests.Session() as other:
        while time.monotonic() < until:
            began = time.monotonic()
            assert other.get(f"{server.url}/health", timeout=30).status_code == 200
            waits.append(time.monotonic() - began)
            time.sleep(0.01)
    for reader in readers:
        reader.join()
    assert len(read) > 40, "each reader went through the conversation"
    assert max(read) < 1_200_000
    assert peak(server) - before < 60_000_000
    assert longest_hold(server) < MOST_HELD
    assert sorted(waits)[len(waits) // 2] < 0.1
    assert max(waits) < 1


MANY_CALLS = [
    part
    for number in range(150)
    for part in (
        {"type": "tool-call", "toolCallId": f"{number}", "toolName": "t", "input": {"a": [number] * 20}},
        {"type": "tool-result", "toolCallId": f"{number}", "toolName": "t", "output": {"a": 1}, "isError": False},
        {"type": "text", "text": "x"},
    )
]
HEAVY = {"small ones": (600, [{"type": "text", "text": "x"}]), "ones of many parts": (100, MANY_CALLS)}


@pytest.mark.timed
@pytest.mark.parametrize("name", HEAVY)
def test_a_page_of_many_messages_or_of_many_parts_holds_up_nobody(start, name) -> None:
    server, (count, parts) = start(**PROBED), HEAVY[name]
    person = Person.new(server)
    chat = person.chat()
    person.ask(chat, script({"text": "hello"}))
    rows = [(uuid4().hex, stored_id(chat), number, json.dumps(parts)) for number in range(3, count + 3)]
    server.write(
        "INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at) "
        "VALUES (?, ?, ?, 'assistant', ?, 'complete', 1)",
        *rows,
    )
    longest_hold(server)  # from here on
    page = person.call("GET", f"/api/chats/{chat}/messages").json()
    assert "nextCursor" in page
    assert longest_hold(server) < MOST_HELD
