"""What every wire promises about the most that one caller may take, as tests that the wires' suites inherit."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from app.testing.caller import Caller
from app.testing.repeating_suite import Repeated
from app.testing.responses import chunks
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import connect, read_all, read_until, request
from app.testing.wire_client import ERROR_MESSAGES, WireClient
from app.web.requests.question import LONGEST_PUBLIC_QUESTION, LONGEST_QUESTION

FLOOD = script({"text": "é" * 250, "times": 60})  # 500 bytes each
LONG = script({"pause": 60}, {"text": "never"})


def running(server: Server) -> int:
    """Answers under way."""
    return int(requests.get(f"{server.url}/ready", timeout=30).json()["checks"]["streams"])


class TakersSuite:
    """What holds for every wire, whether it streams or not."""

    @pytest.fixture
    def narrow(self, wire: WireClient, narrow_server: Server) -> Caller:
        """A caller of whom no answer runs, and whom nobody else counts for."""
        eventually(lambda: running(narrow_server) == 0)
        return Caller(wire, narrow_server, narrow_server.key(wire.key_kind))

    def test_a_caller_with_too_many_answers_under_way_is_refused_and_others_are_not(self, narrow: Caller) -> None:
        server = narrow.server
        callers = [Caller(narrow.wire, server, narrow.key) for _ in range(3)]  # each in a conversation of its own
        last, others = callers[2], Caller(narrow.wire, server, server.key(narrow.wire.key_kind))
        question, other = last.body("too many"), others.body(script({"text": "x"}))
        path, _ = last.path, others.path
        with ExitStack() as stack:
            under_way = [stack.enter_context(caller.open(LONG)) for caller in callers[:2]]
            eventually(lambda: running(server) == 2)
            refused = last.post(question)
            last.wire.check_error(refused, 429)
            assert int(refused.headers["Retry-After"]) >= 1
            assert last.stored("too many") == [], "nothing was written for it"
            headers = {**last.wire.headers(last.key), "Connection": "close"}
            unread = stack.enter_context(connect(server))
            unread.sendall(request(path, b"x" * 999, headers)[:-999])
            assert read_until(unread, b"\r\n").startswith(b"HTTP/1.1 429 "), "it is told before its body is read"
            assert others.post(other).status_code == others.wire.status
            under_way[0].close()
            eventually(lambda: running(server) == 1)
            assert last.ask(script({"text": "x"})).status_code == last.wire.status

    def test_who_joins_an_answer_takes_no_place(self, narrow: Caller) -> None:
        """At the caller's limit too, and where the same is asked many times at once."""
        repeated = Repeated(narrow, script({"text": "so "}, {"pause": 1}, {"text": new_session_id()}))
        other = Caller(narrow.wire, narrow.server, narrow.key)
        with other.open(LONG), ThreadPoolExecutor(6) as pool:
            eventually(lambda: running(narrow.server) == 1)
            logged = len(narrow.server.log("turn"))
            asked = [pool.submit(repeated.ask) for _ in range(6)]
            eventually(lambda: running(narrow.server) == 2)
            asked.append(pool.submit(repeated.ask))
            assert other.ask(script({"text": "x"})).status_code == 429
            answers = [each.result() for each in asked]
            assert [each.status_code for each in answers] == [narrow.wire.status] * len(asked)
            assert len({narrow.wire.decode(each.content).text for each in answers}) == 1
            assert repeated.times_asked() == 1
            outcomes = [each["outcome"] for each in narrow.server.log("turn")[logged:]]
            assert outcomes == ["complete"], "who joins has no turn of its own"
            assert eventually(lambda: running(narrow.server) == 1)

    def test_a_question_longer_than_its_caller_may_ask_is_refused_and_not_stored(self, caller: Caller) -> None:
        most = LONGEST_PUBLIC_QUESTION if caller.wire.key_kind == "widget" else LONGEST_QUESTION
        question = script({"text": "x"}) + " " * most
        caller.wire.check_error(caller.ask(question), 400)
        assert caller.stored(question) == []

    def test_who_leaves_before_the_first_word_pays_for_what_a_model_has_accepted(self, caller: Caller) -> None:
        question = script({"pause": 60}, {"text": new_session_id()})
        with caller.open(question):
            eventually(lambda: caller.stored(question))
            time.sleep(0.5)  # the model accepts at once
        last = eventually(lambda: [row for row in caller.stored(question) if row["status"] == "interrupted"])[-1]
        assert (last["parts"], last["credits"], last["model"]) == ([], 1, "scripted")

    def test_what_every_model_refused_costs_nothing(self, caller: Caller) -> None:
        question = script({"refuse": "overloaded"}, {"text": new_session_id()})
        assert caller.ask(question).status_code == 503
        assert caller.stored(question)[-1]["credits"] == 0


class StreamTakersSuite:
    """What holds for every wire that streams, besides."""

    def test_an_answer_that_takes_too_long_ends_with_what_was_said(self, narrow: Caller) -> None:
        question = script({"text": "so far"}, {"text": ".", "times": 60, "every": 1})
        with narrow.open(question) as connection:
            reply = narrow.wire.decode(b"".join(chunks(read_all(connection))))
        assert (reply.text.rstrip("."), reply.ended, reply.error) == ("so far", True, ERROR_MESSAGES[504])
        last = narrow.stored(question)[-1]
        assert (last["status"], last["text"]) == ("interrupted", reply.text)

    def test_an_answer_without_end_ends_where_there_is_no_room_for_it(self, narrow: Caller) -> None:
        reply = narrow.wire.decode(narrow.ask(FLOOD).content)
        assert (reply.text, reply.ended, reply.error) == ("é" * 1000, True, ERROR_MESSAGES[502])
        last = narrow.stored(FLOOD)[-1]
        assert (last["status"], last["text"], last["credits"]) == ("failed", reply.text, 1)


class WholeTakersSuite:
    """What holds for every wire that answers in one piece, besides."""

    def test_an_answer_that_takes_too_long_is_a_status(self, narrow: Caller) -> None:
        question = script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})
        narrow.wire.check_error(narrow.ask(question), 504)
        last = narrow.stored(question)[-1]
        assert (last["status"], last["text"]) == ("interrupted", "so far")

    def test_an_answer_without_end_is_a_status(self, narrow: Caller) -> None:
        narrow.wire.check_error(narrow.ask(FLOOD), 502)
        last = narrow.stored(FLOOD)[-1]
        assert (last["status"], last["text"], last["credits"]) == ("failed", "é" * 1000, 1)
        line = narrow.server.log("a model's answer is longer than answer_bytes")[-1]
        turn = eventually(lambda: [turn for turn in narrow.server.log("turn") if turn["outcome"] == "failed"])[-1]
        assert (line["request_id"], line["model"]) == (turn["request_id"], "scripted")
