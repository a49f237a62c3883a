"""Five thousand conversations go while a server answers: no question waits for them."""

import subprocess
import threading
import time

import pytest
from sqlalchemy import insert
from support.agents import Client

from app.store.database import Database
from app.store.tables import conversations, messages, now
from app.testing.postgres import shared_postgres
from app.testing.server import BIN, ROOT, Server, eventually

pytestmark = pytest.mark.timed

CONVERSATIONS, MESSAGES, LONG = 5000, 2, "x" * 2000
LONGEST = 120  # seconds, on a machine that does much else
LEFT = "SELECT count(*) FROM conversations WHERE end_user = 'ada'"
ASKING = 3  # callers at a time
MOST_SECONDS = 2.0  # for a question and its whole answer, beside whatever else the machine does


def fill(server: Server) -> None:
    time_then = now() - 40 * 24 * 3600 * 1000
    database = Database(server.store_url)
    for first in range(0, CONVERSATIONS, 500):
        ids = [f"{number:032x}" for number in range(first, first + 500)]
        same = {"agent": "open", "wire": "agents", "owner": "key:x", "end_user": "ada"}
        times = {"created_at": time_then, "updated_at": time_then}
        some = [{"id": each, "external_id": each, **same, **times} for each in ids]
        said = [
            {"id": f"{number}{each[1:]}", "conversation_id": each, "sequence": number, "role": "user"}
            | {"parts": [{"type": "text", "text": LONG}], "status": "complete", "created_at": time_then}
            for each in ids
            for number in range(1, MESSAGES + 1)
        ]
        database.write(lambda c, some=some: c.execute(insert(conversations), some))
        database.write(lambda c, said=said: c.execute(insert(messages), said))


@pytest.mark.parametrize("by", ["command", "the server itself"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_question_waits_while_thousands_of_conversations_are_deleted(kind, by, tmp_path) -> None:
    env = {} if kind == "sqlite" else {"DATABASE_URL": shared_postgres().url(shared_postgres().new_database())}
    changes = {} if by == "command" else {"[limits]": "[retention]\ndays = 30\n\n[limits]"}
    server = Server(tmp_path / "home", env=env, changes=changes)
    server.make_database()
    fill(server)
    with server:
        over, took, problems = threading.Event(), list[float](), list[int]()

        def ask(client: Client) -> None:
            while not over.is_set():
                began = time.monotonic()
                answered = client.chat({"message": "Hello?", "stream": False})
                took.append(time.monotonic() - began)
                if answered.status_code != 200:
                    problems.append(answered.status_code)
                time.sleep(0.05)

        asking = [threading.Thread(target=ask, args=(Client.new(server),)) for _ in range(ASKING)]
        for each in asking:
            each.start()
        try:
            if by == "command":
                command = [BIN / "flask", "conversations", "erase", "--user", "ada"]
                ran = subprocess.run(
                    command, cwd=ROOT, env=server.env, capture_output=True, text=True, check=True, timeout=LONGEST
                )
                assert ran.stdout == f"{CONVERSATIONS}\n"
            eventually(lambda: server.rows(LEFT) == [(0,)], LONGEST)
        finally:
            over.set()
            for each in asking:
                each.join()
    assert problems == []
    assert len(took) > 20
    assert max(took) < MOST_SECONDS
