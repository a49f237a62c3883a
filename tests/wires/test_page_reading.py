"""Reading back costs others nothing: however long a conversation is, the rest of the server is answered meanwhile."""

import threading
import time
from pathlib import Path

import pytest
import requests
from support.wires import HISTORIES

from app.testing.caller import Caller
from app.testing.history_suite import fill
from app.testing.server import Server, script

READERS = 4
SECONDS = 3


def peak(server: Server) -> int:
    """The most memory that the worker has had, in bytes."""
    status = Path(f"/proc/{server.worker_pid()}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.timed
@pytest.mark.parametrize("wire", HISTORIES, ids=repr)
def test_a_conversation_of_40_megabytes_is_read_without_holding_up_or_weighing_on_anybody(start, wire) -> None:
    server = start()
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
    waits.sort()
    assert waits[len(waits) * 95 // 100] < 0.1
    assert waits[-1] < 0.5
