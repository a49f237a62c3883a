"""What every wire promises, in one suite: tests/support/wires.py says how each of them is spoken."""

import re

import orjson
import pytest
import requests
from support.wires import every_stream, every_whole, every_wire

from app.testing.caller import Caller
from app.testing.responses import chunks
from app.testing.server import eventually, script
from app.testing.sockets import read_all, read_until
from app.testing.wire_client import ERROR_MESSAGES

HOSTILE = {
    "quotation marks": 'say "hi", "" and \'bye\'',
    "backslashes": 'a\\ b\\\\ \\" \\u0022 \\n "\\',
    "newlines": "one\ntwo\r\nthree\rfour\n\nfive",
    "line separators": "a\u2028b\u2029c\x85d\x0be\x1cf",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪 é ü 中文 \U0010ffff",
    "NUL and other control characters": "a\x00b\x07\x1b[31m\x7f\x9f",
    "what ends a stream": "data: [DONE]\n\ndata: [DONE]",
    "what is a frame": '{"type":"done","message":"x"}\n{"response":"x"}\n\n: keep-alive\n\n',
    "markup": "</script><!-- &amp; <img src=x onerror=alert(1)>",
    "noncharacters and a byte order mark": "\ufeffa\ufffe\uffffb\ufffd",
    "10,000 bytes": "😀" * 2500,
    "a space": " ",
}
REFUSALS = {"overloaded": 503, "upstream_failed": 502, "upstream_timeout": 504, "internal": 500}


@pytest.fixture
def caller(wire, server, key_of) -> Caller:
    return Caller(wire, server, key_of[wire.key_kind])


def refused(caller: Caller) -> dict[int, requests.Response]:
    """One response of each kind of refusal that happens before anybody answers."""
    url, headers = caller.server.url + caller.path, caller.wire.headers(caller.key)
    return {
        400: caller.post({}),
        401: caller.ask("hi", caller.wire.headers("wrong")),
        404: requests.post(f"{url}/nothing", json=caller.body("hi"), headers=headers, timeout=30),
        405: requests.put(url, headers=headers, timeout=30),
        413: caller.post(b" " * 300_000),
        415: caller.post(caller.body("hi"), {"Content-Type": "text/plain"}),
    }


@every_wire
def test_a_plain_answer_arrives_and_is_stored_as_it_was_said(caller) -> None:
    question = script({"text": "Hello"}, {"text": " there"}, {"burst": [",", " you", "."]})
    response = caller.ask(question)
    assert response.status_code == caller.wire.status
    assert response.headers["Content-Type"] == caller.wire.content_type
    answer = caller.wire.decode(response.content)
    assert (answer.text, answer.ended, answer.error) == ("Hello there, you.", True, None)
    asked, answered = caller.stored(question)
    assert (asked["role"], asked["text"]) == ("user", question)
    assert (answered["role"], answered["text"], answered["status"]) == ("assistant", answer.text, "complete")


@every_stream
def test_tokens_arrive_while_the_model_still_thinks(caller) -> None:
    with caller.open(script({"text": "first"}, {"pause": 60}, {"text": "second"})) as connection:
        got = read_until(connection, b'"first"')
        assert caller.wire.frames(chunks(got + b"0\r\n\r\n")[-1])[-1], "the token came with its frame"
        assert b"second" not in got


@every_stream
def test_tokens_that_are_ready_together_arrive_in_one_read(caller) -> None:
    with caller.open(script({"text": "go"}, {"pause": 0.2}, {"burst": ["one", "two", "three"]})) as connection:
        read_until(connection, b'"go"')
        got = connection.recv(65536)
        assert [word in got for word in (b'"one"', b'"two"', b'"three"')] == [True] * 3


@every_stream
def test_every_write_holds_whole_frames_only(caller) -> None:
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


@every_stream
@pytest.mark.parametrize("first", [[], [{"text": "a"}]], ids=["before the first token", "between two tokens"])
def test_silence_is_filled_with_keep_alives_and_the_stream_still_decodes(caller, first) -> None:
    answer = caller.wire.decode(caller.ask(script(*first, {"pause": 1}, {"text": "b"})).content)
    assert answer.keep_alives == 3, "one after each 0.3 s of the second"
    assert (answer.tokens[-1], answer.ended) == ("b", True)


@every_wire
@pytest.mark.parametrize("problem", REFUSALS)
def test_a_model_that_refuses_is_a_status_and_the_wires_own_body(caller, problem) -> None:
    question = script({"refuse": problem})
    caller.wire.check_error(caller.ask(question), REFUSALS[problem])
    asked, answered = caller.stored(question)
    assert asked["text"] == question
    assert (answered["status"], answered["parts"]) == ("failed", [])


@every_stream
@pytest.mark.parametrize("problem", [*REFUSALS, "crash"])
def test_a_failure_in_mid_answer_is_told_and_then_the_stream_ends(caller, problem) -> None:
    question = script({"text": "so "}, {"text": "far"}, {"fail": problem}, {"text": "never"})
    response = caller.ask(question)
    assert response.status_code == 200
    answer = caller.wire.decode(response.content)
    assert (answer.text, answer.ended, answer.error) == ("so far", True, ERROR_MESSAGES[REFUSALS.get(problem, 500)])
    assert not re.search(rb"Traceback|RuntimeError|asked for a crash", response.content)
    answered = caller.stored(question)[-1]
    assert (answered["status"], answered["text"], answered["finish_reason"]) == ("failed", "so far", "error")


@every_whole
@pytest.mark.parametrize("problem", [*REFUSALS, "crash"])
def test_a_failure_in_the_middle_of_a_whole_answer_is_a_status(caller, problem) -> None:
    question = script({"text": "so far"}, {"fail": problem})
    caller.wire.check_error(caller.ask(question), REFUSALS.get(problem, 500))
    answered = caller.stored(question)[-1]
    assert (answered["status"], answered["text"]) == ("failed", "so far")


@every_stream
def test_the_question_is_stored_before_the_answer_begins(caller) -> None:
    question = script({"text": "first"}, {"pause": 60.5})
    with caller.open(question) as connection:
        read_until(connection, b'"first"')
        assert [message["text"] for message in caller.stored(question)] == [question]
    eventually(lambda: len(caller.stored(question)) == 2)


@every_stream
def test_the_answer_is_stored_when_its_final_event_is_seen(caller) -> None:
    for number in range(10):
        question = script({"text": f"answer {number}"})
        with caller.open(question) as connection:
            read_until(connection, caller.wire.final)
            answered = caller.stored(question)[-1]
            assert (answered["status"], answered["text"]) == ("complete", f"answer {number}")


@every_wire
def test_refusals_are_in_the_wires_own_words(caller) -> None:
    for status, response in refused(caller).items():
        caller.wire.check_error(response, status)


@every_wire
def test_every_response_carries_the_headers_that_protect_and_identify(caller) -> None:
    for response in [
        caller.ask(script({"text": "x"})),
        caller.ask(script({"refuse": "overloaded"})),
        *refused(caller).values(),
    ]:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
        assert "Origin" in re.split(", *", response.headers["Vary"])


@every_stream
def test_streams_tell_proxies_to_keep_their_hands_off(caller) -> None:
    response = caller.ask(script({"text": "x"}))
    assert response.headers["Cache-Control"] == "no-cache, no-transform"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "Retry-After" not in response.headers


@every_wire
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
def test_a_sane_request_id_is_taken_over_and_any_other_replaced(caller, given, taken) -> None:
    for response in (
        caller.ask(script({"text": "x"}), {"x-request-id": given.encode()}),
        caller.post({}, {"x-request-id": given.encode()}),
    ):
        sent_back = response.headers["x-request-id"]
        assert (sent_back == given) is taken
        assert taken or re.fullmatch("[0-9a-f]{32}", sent_back)


@every_wire
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tokens_survive(caller, name) -> None:
    question = script({"text": HOSTILE[name], "times": 2})
    answer = caller.wire.decode(caller.ask(question).content)
    expected = [HOSTILE[name]] * 2
    assert answer.ended
    assert answer.tokens == (expected if caller.wire.streamed else ["".join(expected)])
    assert caller.stored(question)[-1]["text"] == "".join(expected)


@every_wire
def test_what_was_said_before_reaches_the_model(caller) -> None:
    first, second = script({"text": "one"}), script({"text": "two"}, {"text": orjson.dumps(caller.path).decode()})
    for body in caller.dialogue(first, "one", second):
        response = caller.post(body)
    assert caller.wire.decode(response.content).text.startswith("two")
    stored = caller.stored(second)
    assert [message["text"] for message in stored[:3]] == [first, "one", second]
    assert stored[-1]["prompt_tokens"] == 3, "the scripted model counts the messages that it sees"
