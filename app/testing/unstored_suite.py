"""What every wire promises about answers that cannot be stored when they end; the wires' suites inherit these tests."""

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from app.testing.caller import Caller
from app.testing.postgres import read_only
from app.testing.server import Server, eventually, script
from app.testing.wire_client import STORE_UNAVAILABLE


@contextmanager
def unwritable(server: Server) -> Iterator[None]:
    """The server's worker can write to no file, its log included; PostgreSQL takes nothing from anybody."""
    if server.database_url:
        with read_only(server.database_url):
            yield
        return
    worker = server.worker_pid()
    before = resource.prlimit(worker, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, before)


class UnstoredSuite:
    """What holds for every wire, whether it streams or not."""

    def test_an_answer_that_cannot_be_stored_has_failed_and_is_stored_as_soon_as_it_can_be(
        self, caller: Caller
    ) -> None:
        server, kind, said = caller.server, caller.wire.key_kind, os.urandom(8).hex()
        with_budget = () if kind == "session" else ("--credits", "3")
        payer = Caller(caller.wire, server, server.key(kind, "open", *with_budget))
        question = script({"text": said}, {"pause": 0.5})
        body, _path = payer.body(question), payer.path
        running = f"""SELECT answer.* FROM messages AS answer JOIN messages AS question USING (conversation_id)
            WHERE answer.status = 'running' AND CAST(question.parts AS text) LIKE '%{said}%'"""
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(payer.post, body)
            (row,) = eventually(lambda: server.rows(running))
            assert (row["held"] > 0) == bool(with_budget)
            with unwritable(server):
                response = asked.result()
        if caller.wire.streamed:
            reply = caller.wire.decode(response.content)
            assert (reply.text, reply.ended, reply.error) == (said, True, STORE_UNAVAILABLE)
        else:
            caller.wire.check_store_error(response)
        eventually(lambda: not server.rows(running))
        last = payer.stored(question)[-1]
        assert (last["id"], last["status"], last["text"], last["held"]) == (row["id"], "complete", said, 0)
        assert not server.rows("SELECT * FROM keys WHERE id = ? AND spent != 1", row["payer"]), "it is paid for once"
