"""What every wire promises its callers, as tests to inherit: by Parlance's wires, and by those of other repositories.

A wire that streams inherits `StreamSuite`, one that answers in one piece `WholeSuite`; each says how it is spoken:

    pytest_plugins = ["app.testing.plugin"]  # in conftest.py: the fixtures `server` and `key_of`

    class TestPlain(StreamSuite):
        @pytest.fixture
        def wire(self) -> WireClient:
            return Plain()  # a subclass of WireClient

`server` runs Parlance's own wires. For a wire that lives elsewhere, conftest.py has a `server` of its own, of session
scope, with a WSGI module that adds the wire: see docs/adding-a-wire.md. Its configuration has the scripted model behind
the agent `open`, and a heartbeat of 0.3 seconds, as CONFIG has them.
"""

import re
from collections.abc import Iterator, Mapping

import orjson
import pytest

from app.testing.bounds_suite import BoundsSuite
from app.testing.caller import Caller
from app.testing.continue_suite import ContinueSuite
from app.testing.guarantees import payer_on
from app.testing.headers_suite import HeadersSuite, refused
from app.testing.heartbeat_suite import HeartbeatSuite
from app.testing.leaving_suite import LeavingSuite
from app.testing.nul_suite import NulSuite
from app.testing.repeating_suite import RepeatingSuite
from app.testing.responses import chunks
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import read_all, read_until
from app.testing.storage_suite import StorageSuite
from app.testing.takers_suite import StreamTakersSuite, TakersSuite, WholeTakersSuite
from app.testing.unstored_suite import UnstoredSuite
from app.testing.wire_client import ERROR_MESSAGES, WireClient
from app.testing.wordless_suite import StreamWordlessSuite, WordlessSuite

HOSTILE = {
    "quotation marks": 'say "hi", "" and \'bye\'',
    "backslashes": 'a\\ b\\\\ \\" \\u0022 \\n "\\',
    "newlines": "one\ntwo\r\nthree\rfour\n\nfive",
    "line separators": "a\u2028b\u2029c\x85d\x0be\x1cf",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪 é ü 中文 \U0010ffff",
    "control characters": "a\x01b\x07\x1b[31m\x7f\x9f",
    "what ends a stream": "data: [DONE]\n\ndata: [DONE]",
    "what is a frame": '{"type":"done","message":"x"}\n{"response":"x"}\n\n: keep-alive\n\n',
    "markup": "</script><!-- &amp; <img src=x onerror=alert(1)>",
    "noncharacters and a byte order mark": "\ufeffa\ufffe\uffffb\ufffd",
    "10,000 bytes": "😀" * 2500,
    "a space": " ",
}
REFUSALS = {"overloaded": 503, "upstream_failed": 502, "upstream_timeout": 504, "internal": 500}


class WireSuite(
    BoundsSuite,
    ContinueSuite,
    HeadersSuite,
    LeavingSuite,
    NulSuite,
    RepeatingSuite,
    StorageSuite,
    TakersSuite,
    UnstoredSuite,
    WordlessSuite,
):
    """What holds for every wire, whether it streams or not. Subclasses override the fixture `wire`."""

    @pytest.fixture
    def wire(self) -> WireClient:
        """How the wire under test is spoken."""
        raise NotImplementedError("A class that inherits the suite overrides the fixture `wire`")

    @pytest.fixture
    def caller(self, wire: WireClient, server: Server, key_of: Mapping[str, str]) -> Caller:
        """Who asks in these tests: the holder of a credential of the kind that the wire takes, for the agent `open`."""
        return Caller(wire, server, key_of[wire.key_kind])

    @pytest.fixture
    def payer(self, wire: WireClient, server: Server, key_of: Mapping[str, str]) -> Iterator[Caller]:
        """Likewise, with a budget of its own, which is looked at afterwards."""
        yield from payer_on(server, wire, key_of["session"])

    def test_a_plain_answer_arrives_and_is_stored_as_it_was_said(self, caller: Caller) -> None:
        question = script({"text": "Hello"}, {"text": " there"}, {"burst": [",", " you", "."]})
        response = caller.ask(question)
        assert response.status_code == caller.wire.status
        assert response.headers["Content-Type"] == caller.wire.content_type
        reply = caller.wire.decode(response.content)
        assert (reply.text, reply.ended, reply.error) == ("Hello there, you.", True, None)
        first, last = caller.stored(question)
        assert (first["role"], first["text"]) == ("user", question)
        assert (last["role"], last["text"], last["status"]) == ("assistant", reply.text, "complete")

    def test_an_operator_finds_who_asked_for_a_person_whichever_model_answered(self, caller: Caller) -> None:
        question = f"Can I talk to a human, please? {new_session_id()}"
        assert caller.ask(question).ok
        assert [each["mark"] for each in caller.stored(question)] == [None, "handover"]

    @pytest.mark.parametrize("problem", REFUSALS)
    def test_a_model_that_refuses_is_a_status_and_the_wires_own_body(self, caller: Caller, problem: str) -> None:
        question = script({"refuse": problem})
        caller.wire.check_error(caller.ask(question), REFUSALS[problem])
        first, last = caller.stored(question)
        assert first["text"] == question
        assert (last["status"], last["parts"]) == ("failed", [])

    def test_refusals_are_in_the_wires_own_words(self, caller: Caller) -> None:
        for status, response in refused(caller).items():
            caller.wire.check_error(response, status)

    @pytest.mark.parametrize(
        ("given", "taken"),
        [
            ("abc-1.2_3", True),
            ("A" * 64, True),
            ("A" * 65, False),
            ("two words", False),
            ("a,b", False),
            ("é", False),
            ('"><script>', False),
            ("", False),
        ],
    )
    def test_a_sane_request_id_is_taken_over_and_any_other_replaced(
        self, caller: Caller, given: str, taken: bool
    ) -> None:
        for response in (
            caller.ask(script({"text": "x"}), {"x-request-id": given.encode()}),
            caller.post({}, {"x-request-id": given.encode()}),
        ):
            sent_back = response.headers["x-request-id"]
            assert (sent_back == given) is taken
            assert taken or re.fullmatch("[0-9a-f]{32}", sent_back)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_tokens_survive(self, caller: Caller, name: str) -> None:
        question = script({"text": "x"}, {"text": HOSTILE[name], "times": 2})
        reply = caller.wire.decode(caller.ask(question).content)
        expected = ["x", *[HOSTILE[name]] * 2]
        assert reply.ended
        assert reply.tokens == (expected if caller.wire.streamed else ["".join(expected)])
        assert caller.stored(question)[-1]["text"] == "".join(expected)

    def test_nothing_but_a_line_feed_ends_a_line_for_whoever_splits_them(self, caller: Caller) -> None:
        said = "a\u2028b\u2029c\x85d"
        content = caller.ask(script({"text": said}, {"text": f"{said} ü"})).content
        assert "\n".join(content.decode().splitlines()) == content.decode().removesuffix("\n")
        assert caller.wire.decode(content).text == f"{said}{said} ü"

    def test_what_was_said_before_reaches_the_model(self, caller: Caller) -> None:
        first, second = script({"text": "one"}), script({"text": "two"}, {"text": orjson.dumps(caller.path).decode()})
        for body in caller.dialogue(first, "one", second):
            response = caller.post(body)
        assert caller.wire.decode(response.content).text.startswith("two")
        stored, whole = caller.stored(second), len(caller.dialogue(first, "one", second)) == 1
        asked = [second] if whole else [first, "one", second]  # what is brought with a question is no row of its own
        assert [message["text"] for message in stored[: len(asked)]] == asked
        assert stored[-1]["prompt_tokens"] == 3, "the scripted model counts the messages that it sees"


class StreamSuite(WireSuite, HeartbeatSuite, StreamTakersSuite, StreamWordlessSuite):
    """What holds for every wire that streams, besides."""

    def test_tokens_arrive_while_the_model_still_thinks(self, caller: Caller) -> None:
        with caller.open(script({"text": "first"}, {"pause": 60}, {"text": "second"})) as connection:
            got = read_until(connection, b'"first"')
            assert caller.wire.frames(chunks(got + b"0\r\n\r\n")[-1])[-1], "the token came with its frame"
            assert b"second" not in got

    def test_tokens_that_are_ready_together_arrive_in_one_read(self, caller: Caller) -> None:
        with caller.open(script({"text": "go"}, {"pause": 0.2}, {"burst": ["one", "two", "three"]})) as connection:
            read_until(connection, b'"go"')
            got = connection.recv(65536)
            assert [word in got for word in (b'"one"', b'"two"', b'"three"')] == [True] * 3

    def test_every_write_holds_whole_frames_only(self, caller: Caller) -> None:
        question = script(
            {"text": "a\n\nb"},
            {"burst": ["c", "d\n", "é"]},
            {"pause": 0.4},
            {"text": "e" * 3000},
            {"text": "f", "times": 50},
        )
        with caller.open(question) as connection:
            pieces = chunks(read_all(connection))
        assert len(pieces) > 50, "each of the fifty tokens was ready at its own time"
        for piece in pieces:
            assert caller.wire.frames(piece)
        assert caller.wire.decode(b"".join(pieces)).text == "a\n\nbcd\né" + "e" * 3000 + "f" * 50

    @pytest.mark.parametrize("problem", [*REFUSALS, "crash"])
    def test_a_failure_in_mid_answer_is_told_and_then_the_stream_ends(self, caller: Caller, problem: str) -> None:
        question = script({"text": "so "}, {"text": "far"}, {"fail": problem}, {"text": "never"})
        response = caller.ask(question)
        assert response.status_code == 200
        reply = caller.wire.decode(response.content)
        assert (reply.text, reply.ended, reply.error) == ("so far", True, ERROR_MESSAGES[REFUSALS.get(problem, 500)])
        assert not re.search(rb"Traceback|RuntimeError|asked for a crash", response.content)
        last = caller.stored(question)[-1]
        assert (last["status"], last["text"], last["finish_reason"]) == ("failed", "so far", "error")

    def test_the_question_is_stored_before_the_answer_begins(self, caller: Caller) -> None:
        question = script({"text": "first"}, {"pause": 60.5})
        with caller.open(question) as connection:
            read_until(connection, b'"first"')
            assert [message["text"] for message in caller.stored(question)] == [question]
        eventually(lambda: len(caller.stored(question)) == 2)

    def test_the_answer_is_stored_when_its_final_event_is_seen(self, caller: Caller) -> None:
        for number in range(10):
            question = script({"text": f"answer {number}"})
            with caller.open(question) as connection:
                read_until(connection, caller.wire.final)
                last = caller.stored(question)[-1]
                assert (last["status"], last["text"]) == ("complete", f"answer {number}")

    def test_streams_tell_proxies_to_keep_their_hands_off(self, caller: Caller) -> None:
        response = caller.ask(script({"text": "x"}))
        assert response.headers["Cache-Control"] == "no-cache, no-store, no-transform"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "Retry-After" not in response.headers


class WholeSuite(WireSuite, WholeTakersSuite):
    """What holds for every wire that answers in one piece, besides."""

    @pytest.mark.parametrize("problem", [*REFUSALS, "crash"])
    def test_a_failure_in_the_middle_of_a_whole_answer_is_a_status(self, caller: Caller, problem: str) -> None:
        question = script({"text": "so far"}, {"fail": problem})
        caller.wire.check_error(caller.ask(question), REFUSALS.get(problem, 500))
        last = caller.stored(question)[-1]
        assert (last["status"], last["text"]) == ("failed", "so far")
