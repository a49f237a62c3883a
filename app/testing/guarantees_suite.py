"""What every wire promises about answers whose callers come back, leave or stop them, or whose worker ends, as tests to
inherit:

    class TestPlainGuarantees(StreamGuaranteesSuite):  # or WholeGuaranteesSuite
        @pytest.fixture
        def wire(self) -> WireClient:
            return Plain()  # which has `stream_path`

What is promised to those who ask again is in `RepeatingSuite`, which every wire inherits. All of it together is the
guarantees' matrix: app/testing/guarantees.py.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from app.testing.asked import SAID, WORDS, Asked, cursors, last, numbered, spoken, until
from app.testing.caller import Caller
from app.testing.guarantees import credits_of, guarantee, payer_on
from app.testing.rejoining_suite import RejoiningSuite
from app.testing.repeating_suite import Repeated
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.wire_client import BROKEN_OFF, WireClient
from app.testing.wire_suite import WireSuite

SO_FAR = script({"text": "so far"}, {"pause": 60})


def kill_worker(server: Server) -> None:
    """Returns when another one serves."""
    worker = server.worker_pid()
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: server.worker_pids() and server.worker_pid() != worker, 30)
    eventually(lambda: requests.get(f"{server.url}/ready", timeout=30).status_code == 200, 30)


class _Payers:
    wire = WireSuite.wire
    caller = WireSuite.caller
    payer = WireSuite.payer

    @pytest.fixture
    def finishing(self, wire: WireClient, finishing_server: Server) -> Iterator[Caller]:
        """Whose answers are made to their ends."""
        yield from payer_on(finishing_server, wire)

    @pytest.fixture
    def waiting(self, wire: WireClient, waiting_server: Server) -> Iterator[Caller]:
        """Whose answers wait for a moment; and whose server may be hurt."""
        yield from payer_on(waiting_server, wire)


class StreamGuaranteesSuite(_Payers, RejoiningSuite):
    """For wires that stream, and whose answers are read on and stopped."""

    @guarantee("leave: finishes")
    def test_an_answer_that_is_to_be_finished_is_whoever_leaves(self, finishing: Caller) -> None:
        question = script({"text": "so far"}, {"pause": 0.5}, {"text": " and"}, {"text": " further"})
        with Asked(finishing, question, ids=False) as asked:
            asked.leave()
            back = asked.read_on(f"{asked.answer_id}.0", stream=True)
            back.close()
            assert eventually(asked.status) == "complete"
            again = numbered(asked.read_on(f"{asked.answer_id}.0").content)
        assert spoken(again) == "so far and further"
        assert credits_of(finishing, question) == 1

    @guarantee("leave: goes on for some seconds")
    def test_an_answer_waits_for_as_long_as_its_agent_says_after_the_last_has_left(self, waiting: Caller) -> None:
        with Asked(waiting, SO_FAR, ids=False) as asked:
            asked.leave()
            time.sleep(0.2)
            with asked.read_on(f"{asked.answer_id}.0", stream=True):
                time.sleep(0.8)
                assert asked.status() == "", "somebody listens"
            left = time.monotonic()
            assert eventually(asked.status) == "interrupted"
            assert 0.4 < time.monotonic() - left < 1.4
            assert spoken(numbered(asked.read_on(f"{asked.answer_id}.0").content)) == "so far"
        assert credits_of(waiting, SO_FAR) == 1

    @guarantee("leave, with ids or a key: come back too late")
    def test_who_has_asked_for_ids_is_waited_for_longer_and_not_for_ever(self, waiting: Caller) -> None:
        with Asked(waiting, SO_FAR) as asked:
            asked.leave()
            left, begun = time.monotonic(), numbered(asked.begun())
            assert eventually(asked.status) == "interrupted"
            assert 1.2 < time.monotonic() - left < 3
            rest = numbered(asked.read_on(cursors(begun)[-1]).content)
            assert spoken([*begun, *rest]) == "so far"
            assert BROKEN_OFF.encode() in last(rest)
        assert credits_of(waiting, SO_FAR) == 1

    @guarantee("worker killed")
    def test_what_was_saved_before_a_kill_is_read_on_after_it(self, waiting: Caller) -> None:
        question, server = script(*SAID, {"text": "so far"}, {"pause": 60}), waiting.server
        with Asked(waiting, question) as asked:
            begun = numbered(asked.begun())
            saved = "SELECT id FROM messages WHERE id = ? AND CAST(parts AS text) LIKE '%so far%'"
            eventually(lambda: server.rows(saved, asked.answer_id), 8)
            kill_worker(server)
            for cursor in cursors(begun):
                rest = numbered(asked.read_on(cursor).content)
                assert spoken([*until(begun, cursor), *rest]) == f"{WORDS}so far"
                assert BROKEN_OFF.encode() in last(rest)
            assert (asked.stop().status_code, asked.status()) == (200, "interrupted")
        assert credits_of(waiting, question) == 1
        assert waiting.ask(script({"text": "next"})).status_code == 200

    @guarantee("server restarting")
    def test_an_answer_that_a_restart_ends_is_told_so_and_read_on_after_it(self, waiting: Caller) -> None:
        with Asked(waiting, SO_FAR) as asked:
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            stopping = threading.Thread(target=waiting.server.stop)
            stopping.start()
            told = [numbered(asked.rest()), numbered(listener.content)]
            stopping.join()
            waiting.server.start()
            assert [b"The server is restarting" in last(each) for each in told] == [True, True]
            rest = numbered(asked.read_on(f"{asked.answer_id}.0").content)
            assert (spoken(rest), asked.status()) == ("so far", "interrupted")
            assert spoken(told[0]) == "so far"
        assert credits_of(waiting, SO_FAR) == 1


class WholeGuaranteesSuite(_Payers):
    """For wires that answer in one piece: who leaves comes back with the same question and its key."""

    @guarantee("leave: stops")
    def test_who_leaves_ends_the_answer(self, caller: Caller) -> None:
        question = script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})
        with caller.open(question):
            there = "SELECT 1 FROM messages WHERE CAST(parts AS text) LIKE ?"
            eventually(lambda: caller.server.rows(there, f"%{question[-24:-4]}%"))
        assert eventually(lambda: caller.stored(question)[1:])[0]["status"] == "interrupted"

    @guarantee("leave: finishes")
    def test_an_answer_that_is_to_be_finished_is_whoever_leaves(self, finishing: Caller) -> None:
        question = script({"text": "so far"}, {"pause": 0.5}, {"text": new_session_id()})
        with finishing.open(question):
            eventually(lambda: finishing.stored(question))
        assert eventually(lambda: finishing.stored(question)[1:])[0]["status"] == "complete"
        assert credits_of(finishing, question) == 1

    @guarantee("leave: goes on for some seconds")
    def test_an_answer_waits_for_as_long_as_its_agent_says(self, waiting: Caller) -> None:
        question = script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})
        with waiting.open(question):
            eventually(lambda: waiting.stored(question))
        left = time.monotonic()
        assert eventually(lambda: waiting.stored(question)[1:])[0]["status"] == "interrupted"
        assert 0.4 < time.monotonic() - left < 1.4
        assert credits_of(waiting, question) == 1

    @guarantee("leave, with ids or a key: come back")
    def test_who_has_a_key_may_leave_and_ask_again(self, waiting: Caller) -> None:
        repeated = Repeated(waiting, script({"text": "so far"}, {"pause": 1}, {"text": new_session_id()}))
        with repeated.open():
            eventually(repeated.times_asked)
        time.sleep(0.8)  # longer than the agent waits
        again = repeated.ask()
        assert again.status_code == waiting.wire.status
        assert waiting.wire.decode(again.content).text.startswith("so far")
        assert (repeated.times_asked(), credits_of(waiting, repeated.question)) == (1, 1)

    @guarantee("leave, with ids or a key: come back too late")
    def test_a_key_is_waited_for_longer_and_not_for_ever(self, waiting: Caller) -> None:
        repeated = Repeated(waiting, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()}))
        with repeated.open():
            eventually(repeated.times_asked)
        left = time.monotonic()
        assert eventually(lambda: waiting.stored(repeated.question)[1:])[0]["status"] == "interrupted"
        assert 1.2 < time.monotonic() - left < 3
        assert repeated.ask().status_code == 502
        assert (repeated.times_asked(), credits_of(waiting, repeated.question)) == (1, 1)

    @guarantee("worker killed")
    def test_a_question_whose_worker_was_killed_is_asked_anew_and_paid_once(self, waiting: Caller) -> None:
        repeated = Repeated(waiting, script({"pause": 1.5}, {"text": new_session_id()}))
        with repeated.open():
            eventually(repeated.times_asked)
            kill_worker(waiting.server)
        again, once_more = repeated.ask(), repeated.ask()
        assert (again.status_code, once_more.status_code) == (waiting.wire.status, waiting.wire.status)
        assert waiting.wire.decode(again.content).text == waiting.wire.decode(once_more.content).text
        assert (repeated.times_asked(), credits_of(waiting, repeated.question)) == (2, 1)

    @guarantee("server restarting")
    def test_a_question_that_a_restart_has_ended_is_not_asked_twice(self, waiting: Caller) -> None:
        repeated = Repeated(waiting, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()}))
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(repeated.ask().status_code))
        asking.start()
        eventually(repeated.times_asked)
        waiting.server.stop()
        asking.join()
        waiting.server.start()
        assert answers == [503]
        assert repeated.ask().status_code >= 400
        assert (repeated.times_asked(), credits_of(waiting, repeated.question)) == (1, 1)
