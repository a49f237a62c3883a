"""What is special to the widgets' wire: its exact bytes, its sessions, what it hides and whom it refuses."""

import re

import pytest
import requests
from support.wires import WidgetAlias, WidgetStream, WidgetWhole

from app.testing.caller import Caller
from app.testing.server import conversation_id, new_session_id, script

PATHS = [WidgetStream(), WidgetAlias(), WidgetWhole()]


@pytest.fixture(params=PATHS, ids=repr)
def caller(request, server, widget_key) -> Caller:
    return Caller(request.param, server, widget_key)


@pytest.fixture(params=PATHS[:2], ids=repr)
def streaming(request, server, widget_key) -> Caller:
    return Caller(request.param, server, widget_key)


@pytest.fixture(scope="module")
def second_key(server) -> str:
    """For the same agent as `widget_key`."""
    return server.key("widget")


@pytest.fixture(scope="module")
def frank(server) -> Caller:
    """With a key for the agent that shows its tools."""
    return Caller(WidgetAlias(), server, server.key("widget", "frank"))


def test_the_stream_is_these_bytes(streaming) -> None:
    content = streaming.ask(script({"text": "We"}, {"text": ' "are"'}, {"text": " ü😀\x01\u2028\\/"})).content
    start, *tokens, done, nothing = content.split(b"\n")
    conversation = conversation_id(start).encode()
    assert start == b'{"type":"start","conversationId":"' + conversation + b'"}'
    assert tokens == [
        b'{"type":"token","token":"We"}',
        rb'{"type":"token","token":" \"are\""}',
        rb'{"type":"token","token":" \u00fc\ud83d\ude00\u0001\u2028\\/"}',
    ]
    message = rb"We \"are\" \u00fc\ud83d\ude00\u0001\u2028\\/"
    answer = streaming.server.messages(conversation.decode())[-1]["id"].encode()
    ids = b'"conversationId":"' + conversation + b'","messageId":"' + answer + b'"}'
    assert done == b'{"type":"done","message":"' + message + b'",' + ids
    assert nothing == b""
    assert content.isascii()


def test_the_whole_answer_is_this_object(server, widget_key) -> None:
    response = Caller(WidgetWhole(), server, widget_key).ask(script({"text": "We"}, {"text": " are"}))
    ids = rb'"conversationId":"[a-z0-9]{32}","messageId":"[a-z0-9]{32}"'
    assert re.fullmatch(rb"\{" + ids + rb',"message":"We are"\}', response.content)


def test_a_failure_is_one_error_line_and_the_last(streaming) -> None:
    content = streaming.ask(script({"text": "x"}, {"fail": "crash"})).content
    assert content.endswith(b'{"type":"token","token":"x"}\n{"type":"error","error":"Internal server error"}\n')


def test_keep_alives_are_empty_lines(streaming) -> None:
    content = streaming.ask(script({"pause": 0.8}, {"text": "x"})).content
    assert b'"}\n\n{"type":"token","token":"x"}\n' in content


def test_the_same_session_continues_its_conversation_by_whatever_path(server, widget_key) -> None:
    name, found = new_session_id(), set()
    for number, wire in enumerate(PATHS):
        response = Caller(wire, server, widget_key).post({"sessionId": name, "message": script({"text": f"{number}"})})
        found.add(conversation_id(response.content))
    assert len(found) == 1
    assert [message["text"] for message in server.messages(found.pop())][1::2] == ["0", "1", "2"]


def test_a_question_sent_again_because_its_answer_broke_off_is_kept_and_seen_once(caller) -> None:
    """It fails the first time: the model breaks off when it is the second message that it sees."""
    name, question = new_session_id(), script({"text": "x"}, {"fail": "crash"})
    answers = [caller.post({"sessionId": name, "message": question}) for _ in range(2)]
    answers.append(caller.post({"sessionId": name, "message": script({"text": "whole"})}))
    (conversation,) = {conversation_id(answer.content) for answer in answers if answer.ok}
    kept = [
        (message["role"], message["text"], message["status"], message["prompt_tokens"])
        for message in caller.server.messages(conversation)
    ]
    assert kept == [
        ("user", question, "complete", None),
        ("assistant", "x", "superseded", 0),
        ("assistant", "x", "failed", 0),
        ("user", script({"text": "whole"}), "complete", None),
        ("assistant", "whole", "complete", 3),
    ]


def test_the_same_session_under_another_key_is_another_conversation(caller, second_key) -> None:
    body = {"sessionId": new_session_id(), "message": script({"text": "x"})}
    other = Caller(caller.wire, caller.server, second_key)
    first, foreign, again = (conversation_id(one.post(body).content) for one in (caller, other, caller))
    assert first == again != foreign
    assert caller.server.messages(foreign)[1]["prompt_tokens"] == 1, "the other key's model saw the one question only"


def test_the_model_sees_the_last_thirty_messages_from_a_question_on(server, widget_key) -> None:
    caller, name = Caller(WidgetWhole(), server, widget_key), new_session_id()
    for number in range(18):
        response = caller.post({"sessionId": name, "message": script({"text": str(number)})})
    seen = [m["prompt_tokens"] for m in server.messages(conversation_id(response.content)) if m["role"] == "assistant"]
    assert seen == [*range(1, 30, 2), 29, 29, 29], "the thirtieth is an answer without its question"


GOOD = {
    "the shortest": {"sessionId": "a", "message": "x"},
    "the longest": {"sessionId": "Aa0._:-" + "z" * 121, "message": "x" * 4000},
    "4,000 characters of four bytes": {"message": "😀" * 4000},
    "white space around": {"message": "\n x "},
}
BAD = {
    "no session": {"sessionId": None},
    "an empty session": {"sessionId": ""},
    "129 characters of session": {"sessionId": "a" * 129},
    "a space in the session": {"sessionId": "a b"},
    "a newline after the session": {"sessionId": "a\n"},
    "a slash in the session": {"sessionId": "a/b"},
    "a letter beyond ASCII in the session": {"sessionId": "é"},
    "a digit beyond ASCII in the session": {"sessionId": "٣"},
    "a number for the session": {"sessionId": 5},
    "an empty message": {"message": ""},
    "4,001 characters of message": {"message": "x" * 4001},
    "a blank message": {"message": " \n\t"},
    "a blank message beyond ASCII": {"message": "\u00a0\u2003\u3000"},
    "a number for the message": {"message": 5},
    "a list for the message": {"message": ["hi"]},
    "another wire's question": {"messages": [{"role": "user", "content": "hi"}]},
    "a stream": {"stream": False},
}


@pytest.mark.parametrize("name", GOOD)
def test_what_fits_the_bounds_is_answered(caller, name) -> None:
    response = caller.post({"sessionId": new_session_id(), "message": "hi", **GOOD[name]})
    assert caller.wire.decode(response.content).text == "Hello", "what the scripted model says without a script"


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_is_400_in_fixed_words(caller, name) -> None:
    response = caller.post({"sessionId": new_session_id(), "message": "hi", **BAD[name]})
    assert (response.status_code, response.content) == (400, b'{"error":"Invalid request payload"}')


def test_tools_and_reasoning_are_invisible_but_stored(streaming) -> None:
    question = script(
        {"reasoning": "secret thought"}, {"call": "calculator", "args": {"expression": "6*7"}}, {"text": "It is 42."}
    )
    content = streaming.ask(question).content
    assert {frame["type"] for frame in streaming.wire.frames(content)} == {"start", "token", "done"}
    assert not re.search(b"secret|calculator|6[*]7", content)
    parts = streaming.stored(question)[-1]["parts"]
    assert [part["type"] for part in parts] == ["reasoning", "tool-call", "tool-result", "text"]


def test_tools_are_shown_where_the_agent_shows_them(frank) -> None:
    steps = [{"call": "calculator", "args": {"expression": text}} for text in ("6*7", "no sum")]
    content = frank.ask(script(*steps, {"text": "Done."})).content
    frames = [frame for frame in frank.wire.frames(content) if frame["type"].startswith("tool")]
    called = {"type": "tool_call", "toolName": "calculator"}
    assert frames[:2] == [
        {**called, "toolCallId": "call_1", "toolArgs": {"expression": "6*7"}},
        {**called, "toolCallId": "call_2", "toolArgs": {"expression": "no sum"}},
    ]
    results = {frame.pop("toolCallId"): frame for frame in frames[2:]}
    returned = {"type": "tool_result", "toolName": "calculator"}
    assert results == {
        "call_1": {**returned, "result": "42"},
        "call_2": {**returned, "result": "that is not an arithmetic expression", "isError": True},
    }
    assert frank.wire.decode(content).text == "Done."


def test_the_first_header_that_is_present_counts(caller) -> None:
    for headers, status in (
        ({"x-api-key": caller.key, "x-widget-api-key": "wrong"}, 200),
        ({"x-api-key": "wrong", "x-widget-api-key": caller.key}, 401),
        ({"x-api-key": "", "x-widget-api-key": caller.key}, 401),
        ({"x-widget-api-key": caller.key}, 200),
        ({"Authorization": f"Bearer {caller.key}"}, 401),
        ({}, 401),
    ):
        url, body = caller.server.url + caller.path, caller.wire.body("hi")
        response = requests.post(url, json=body, headers=headers, timeout=5)
        assert response.status_code == status, headers
        assert status == 200 or response.content == b'{"error":"Unauthorized"}'


def test_who_is_unknown_learns_nothing_about_the_body(caller) -> None:
    for body in b"", b"not JSON", b" " * 1000:
        response = caller.post(body, {"x-api-key": "wrong", "Content-Type": "text/plain"})
        assert (response.status_code, response.content) == (401, b'{"error":"Unauthorized"}')


def test_keys_are_long_and_every_one_is_different(widget_key, second_key) -> None:
    assert widget_key != second_key
    assert all(re.fullmatch("wk_[A-Za-z0-9_-]{43}", key) for key in (widget_key, second_key))
