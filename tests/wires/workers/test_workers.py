"""What is special to the Workers AI wire: its exact bytes, its forms of a question, its options, its callers."""

import json
import re

import pytest
import requests
from support.wires import Workers, WorkersWhole

from app.testing.caller import Caller
from app.testing.server import Server, script

USER = {"role": "user", "content": "hi"}


@pytest.fixture
def caller(server, secret_key) -> Caller:
    return Caller(Workers(), server, secret_key)


@pytest.fixture(scope="module")
def frank(server) -> Caller:
    """With a key for the agent that takes system messages and answers in five tokens at most."""
    return Caller(Workers(), server, server.key("secret", "frank"))


def conversations(server: Server, text: str) -> list[dict]:
    """Every conversation in which this was the first thing said, oldest first."""
    return server.rows(
        "SELECT c.* FROM conversations c JOIN messages m ON m.conversation_id = c.id "
        "WHERE m.sequence = 1 AND m.parts -> 0 ->> 'text' = ? ORDER BY c.created_at",
        text,
    )


def test_the_stream_is_these_bytes(caller) -> None:
    response = caller.ask(script({"text": "Hello"}, {"text": " there"}))
    assert response.content == (
        b'data: {"response":"Hello"}\n\n'
        b'data: {"response":" there"}\n\n'
        b'data: {"response":"","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},'
        b'"finish_reason":"stop"}\n\n'
        b"data: [DONE]\n\n"
    )


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('say "hi"', rb'{"response":"say \u0022hi\u0022"}'),
        ('\\"', rb'{"response":"\\\u0022"}'),
        ("a\\", rb'{"response":"a\\"}'),
        ("ü 中 😀 \u2019 / ' < &", '{"response":"ü 中 😀 \u2019 / \' < &"}'.encode()),
        ("a\u2028b\u2029c\x85", rb'{"response":"a\u2028b\u2029c\u0085"}'),
        ("x\n\t\r", rb'{"response":"x\n\t\r"}'),
        ("x\x01\x1f", rb'{"response":"x\u0001\u001f"}'),
    ],
)
def test_text_is_raw_utf_8_with_only_the_escapes_that_json_and_regular_expressions_need(caller, text, frame) -> None:
    assert caller.ask(script({"text": text})).content.startswith(b"data: " + frame + b"\n\ndata: ")


def test_a_failure_is_an_empty_token_with_an_error_and_then_done(caller) -> None:
    response = caller.ask(script({"text": "x"}, {"fail": "crash"}))
    assert response.content == (
        b'data: {"response":"x"}\n\n'
        b'data: {"response":"","error":"Internal server error","finish_reason":"error"}\n\n'
        b"data: [DONE]\n\n"
    )


def test_keep_alives_are_comments(caller) -> None:
    content = caller.ask(script({"pause": 0.4}, {"text": "x"})).content
    assert content.startswith(b': keep-alive\ndata: {"response":"x"}\n\n')


def test_without_stream_the_answer_is_one_object(server, secret_key) -> None:
    response = Caller(WorkersWhole(), server, secret_key).ask(script({"text": 'ü "x"'}, {"text": "y"}))
    usage = b'"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}'
    assert (
        response.content == '{"response":"ü \\"x\\"y",'.encode() + usage + b',"tool_calls":[],"finish_reason":"stop"}'
    )


@pytest.mark.parametrize("form", ["prompt", "message"])
def test_a_single_question_may_be_a_prompt_or_a_message(caller, form) -> None:
    question = script({"text": f"{form} heard"})
    assert caller.wire.decode(caller.post({form: question}).content).text == f"{form} heard"
    assert [message["text"] for message in caller.stored(question)] == [question, f"{form} heard"]


BAD = {
    "no question": ({}, ""),
    "two forms": ({"prompt": "hi", "message": "hi"}, ""),
    "three forms": ({"prompt": "hi", "message": "hi", "messages": [USER]}, ""),
    "no messages": ({"messages": []}, "messages"),
    "a string for messages": ({"messages": "hi"}, "messages"),
    "an object for messages": ({"messages": USER}, "messages"),
    "a string for a message": ({"messages": ["hi"]}, "messages.0"),
    "a message without a role": ({"messages": [{"content": "hi"}]}, "messages.0.role"),
    "a message without content": ({"messages": [{"role": "user"}]}, "messages.0.content"),
    "an unknown role": ({"messages": [{"role": "function", "content": "x"}, USER]}, "messages.0.role"),
    "content in parts": ({"messages": [USER, {"role": "user", "content": [{"text": "x"}]}]}, "messages.1.content"),
    "an unknown field of a message": ({"messages": [{**USER, "name": "x"}]}, "messages.0.name"),
    "the assistant last": ({"messages": [USER, {"role": "assistant", "content": "x"}]}, "messages"),
    "a system message": ({"messages": [{"role": "system", "content": "x"}, USER]}, "messages.0.role"),
    "an empty prompt": ({"prompt": ""}, "prompt"),
    "a number for a prompt": ({"prompt": 5}, "prompt"),
    "an empty message": ({"message": ""}, "message"),
    **{
        f"{name} = {value!r}": ({"prompt": "hi", name: value}, name)
        for name, values in {
            "stream": ["false", 0, 1, None, {}],
            "max_tokens": [0, -1, 1_000_001, 1.5, "5", True, None, 1e30],
            "temperature": [-0.1, 5.1, "1", True, None, []],
            "top_p": [-0.1, 1.1, "1", False],
            "seed": [-1, 2**63, 1.5, "1", True],
            "agent": ["frank"],
        }.items()
        for value in values
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_400_and_names_its_place(caller, name) -> None:
    body, place = BAD[name]
    response = caller.post(body)
    caller.wire.check_error(response, 400)
    assert place in re.split("[ :;]", response.json()["message"]) or not place, response.text


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 1},
        {"max_tokens": 1_000_000},
        {"temperature": 0},
        {"temperature": 5},
        {"temperature": 0.5, "top_p": 1, "seed": 2**63 - 1},
        {"top_p": 0, "seed": 0},
    ],
    ids=str,
)
def test_options_are_taken_up_to_the_ends_of_their_ranges(caller, options) -> None:
    assert caller.wire.decode(caller.post({"prompt": script({"text": "x"}), **options}).content).text == "x"


@pytest.mark.parametrize(("asked", "got"), [(None, 5), (3, 3), (100, 5)])
def test_the_agents_ceiling_holds_and_a_caller_may_ask_for_less(frank, asked, got) -> None:
    options = {} if asked is None else {"max_tokens": asked}
    answer = frank.wire.decode(frank.post({"prompt": script({"text": "x", "times": 10}), **options}).content)
    assert answer.tokens == ["x"] * got


def test_a_system_message_is_taken_where_the_agent_allows_it(frank) -> None:
    question = script({"text": "very well"})
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    assert frank.wire.decode(frank.post({"messages": messages}).content).text == "very well"
    stored = frank.stored(question)
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert stored[-1]["prompt_tokens"] == 2, "the model has seen it; the store has it beside the messages"


def test_the_agents_instructions_are_the_system_prompt_unless_the_caller_brings_one(start) -> None:
    changes = {"allow_system = true": 'allow_system = true\ninstructions = "Be kind."'}
    server: Server = start(changes=changes)
    caller = Caller(Workers(), server, server.key("secret", "frank"))
    user = {"role": "user", "content": script({"text": "x"})}
    for messages in [user], [{"role": "system", "content": "Be brief."}, user]:
        response = caller.post({"messages": messages, "stream": False})
        assert response.json()["usage"]["prompt_tokens"] == 2, "one system message and the question"


REASONS = {"stop": "stop", "length": "length", "content-filter": "content_filter", "other": "other"}


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("stream", [True, False])
def test_why_the_answer_ended_is_told_in_the_apis_words(caller, stream, reason) -> None:
    question = script({"text": "x"}, {"finish": reason})
    response = caller.post({"prompt": question, "stream": stream})
    last = caller.wire.frames(response.content)[-2] if stream else response.json()
    assert last["finish_reason"] == REASONS[reason]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("shows", [True, False])
def test_tool_calls_are_stored_and_shown_by_agents_that_show_their_tools(caller, frank, shows, stream) -> None:
    caller, call = frank if shows else caller, {"name": "calculator", "arguments": {"expression": "6*7"}}
    said = f"Done {stream} {shows}."
    question = script({"text": "Hm. "}, {"call": call["name"], "args": call["arguments"]}, {"text": said})
    response = caller.post({"prompt": question, "stream": stream})
    if stream:
        frame = b'data: {"response":"","tool_calls":[' + json.dumps(call, separators=(",", ":")).encode() + b"]}\n\n"
        assert response.content.count(frame) == response.content.count(b"calculator") == shows
        assert caller.wire.decode(response.content).text == f"Hm. {said}"
    else:
        assert response.json()["tool_calls"] == [call] * shows
    parts = caller.stored(question)[-1]["parts"]
    assert [part["type"] for part in parts] == ["text", "tool-call", "tool-result", "text"]
    assert parts[2]["output"] == "42"


def test_reasoning_is_not_shown(caller) -> None:
    content = caller.ask(script({"reasoning": "secret thought"}, {"text": "x"})).content
    assert b"secret thought" not in content
    assert caller.wire.decode(content).tokens == ["x"]


def test_every_request_is_a_conversation_of_its_own_and_nothing_is_looked_up(caller) -> None:
    question = script({"text": "again"}, {"pause": 0.001})
    for _ in range(2):
        caller.ask(question)
    found = conversations(caller.server, question)
    assert len(found) == 2
    for row in found:
        messages = caller.server.messages(row["id"])
        assert (len(messages), messages[1]["prompt_tokens"]) == (2, 1)


def test_without_a_credential_the_public_agent_answers_and_nobody_owns_the_conversation(server) -> None:
    question = script({"text": "for all"})
    response = requests.post(f"{server.url}/api/chat", json={"prompt": question}, timeout=5)
    assert Workers().decode(response.content).text == "for all"
    row = conversations(server, question)[0]
    assert (row["agent"], row["owner"], row["external_id"]) == ("open", "anonymous", None)


@pytest.mark.parametrize(("header", "pattern"), [*Workers.credentials, ("authorization", "bearer  {} ")])
def test_a_key_reaches_its_own_agent_by_either_header(server, frank, header, pattern) -> None:
    question = script({"text": header + pattern})
    body, headers = {"prompt": question}, {header: pattern.format(frank.key).strip()}
    assert requests.post(f"{server.url}/api/chat", json=body, headers=headers, timeout=5).status_code == 200
    assert conversations(server, question)[0]["agent"] == "frank"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": ""},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "{key}"},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"Authorization": "Bearer wrong", "x-api-key": "{key}"},
    ],
    ids=str,
)
def test_a_wrong_credential_is_401_and_never_anonymous(caller, headers) -> None:
    given = {name: value.format(key=caller.key) for name, value in headers.items()}
    response = requests.post(f"{caller.server.url}/api/chat", json={"prompt": "hi"}, headers=given, timeout=5)
    caller.wire.check_error(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_where_no_agent_is_public_a_credential_is_needed(start) -> None:
    server: Server = start(changes={"public = true": ""})
    Workers().check_error(requests.post(f"{server.url}/api/chat", json={"prompt": "hi"}, timeout=5), 401)
    assert Caller(Workers(), server, server.key("secret")).ask(script({"text": "x"})).status_code == 200
