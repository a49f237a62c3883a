"""Calls and results of tools that callers of the workers wire post: what the model gets to see of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from support.wires import Workers, WorkersWhole

from app.testing.caller import Caller
from app.testing.model_server import ModelServer
from app.testing.provider_apis import OPENAI

ASKED = {"role": "user", "content": "What is 6*7, and when?"}
RESULT = {"role": "tool", "tool_call_id": "abc123DEF", "content": "42"}
FOUND = ("calculator", {"expression": "6*7"}, "42")


def call(**changes: Any) -> dict[str, Any]:
    function = {"name": "calculator", "arguments": '{"expression":"6*7"}'}
    return {"id": "abc123DEF", "type": "function", "function": function, **changes}


def called(*calls: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls), **changes}


@pytest.fixture
def caller(relay, relay_keys) -> Caller:
    return Caller(Workers(), relay, relay_keys["secret", "openai"])


@pytest.fixture
def ask(caller, model_server: ModelServer) -> Callable[..., list[dict[str, Any]]]:
    """The messages that the model's server gets of those that are posted."""

    def post(*messages: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
        model_server.play(OPENAI.answer("Forty-two."))
        response = caller.post({"messages": messages, **fields})
        assert response.status_code == 200, response.text
        assert caller.wire.decode(response.content).text == "Forty-two."
        return [each for each in model_server.requests[0].json["messages"] if each["role"] != "system"]

    return post


def found(sent: list[dict[str, Any]]) -> list[tuple[str, Any, str]]:
    """Name, arguments and result of each call, found by its id, which must be there once."""
    results = {each["tool_call_id"]: each["content"] for each in sent if each["role"] == "tool"}
    calls = [call for each in sent for call in each.get("tool_calls") or ()]
    assert len(results) == len(calls) == len([each for each in sent if each["role"] == "tool"])
    return [(c["function"]["name"], json.loads(c["function"]["arguments"]), results[c["id"]]) for c in calls]


NATIVE = {"name": "calculator", "arguments": {"expression": "6*7"}}
FORMS = {
    "OpenAI's, content empty": [called(call()), RESULT],
    "content null": [called(call(), content=None), RESULT],
    "without content": [{"role": "assistant", "tool_calls": [call()]}, RESULT],
    "beside a text": [called(call(), content="Let me see."), RESULT],
    "with the tool's name, as workers-ai-provider has it": [called(call()), {**RESULT, "name": "calculator"}],
    "with reasoning": [called(call(), reasoning="Numbers."), RESULT],
    "arguments as an object": [called(call(function=NATIVE)), RESULT],
    "without a type": [called({"id": "abc123DEF", "function": NATIVE}), RESULT],
    "Workers AI's own, without ids": [called(NATIVE), {"role": "tool", "name": "calculator", "content": "42"}],
    "a result without id and name": [called(NATIVE), {"role": "tool", "content": "42"}],
    "nulls for what is not there": [
        called({**NATIVE, "id": None}, reasoning=None),
        {"role": "tool", "content": "42", "tool_call_id": None, "name": None},
    ],
    "a call as text, as @cloudflare/ai-utils has it": [
        {"role": "assistant", "content": json.dumps(NATIVE)},
        {"role": "tool", "content": "42", "name": "calculator"},
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_calls_and_results_are_understood_in_all_forms_that_clients_send(ask, form) -> None:
    sent = ask(ASKED, *FORMS[form])
    assert found(sent) == [FOUND]
    assert sent[0] == ASKED
    assert [each["role"] for each in sent] == ["user", "assistant", "tool"]
    assert ("Let me see." in json.dumps(sent)) is (form == "beside a text")


@pytest.mark.parametrize("form", FORMS)
def test_they_are_history_where_another_question_follows(ask, form) -> None:
    sent = ask(ASKED, *FORMS[form], {"role": "assistant", "content": "42."}, {"role": "user", "content": "Sure?"})
    assert found(sent) == [FOUND]
    assert [each["role"] for each in sent] == ["user", "assistant", "tool", "assistant", "user"]


def test_several_calls_in_several_rounds_keep_their_results(ask) -> None:
    clock = {"name": "clock", "arguments": "{}"}
    sent = ask(
        ASKED,
        called(call(id="a"), call(id="b", function=clock)),
        {"role": "tool", "tool_call_id": "b", "content": "noon"},
        {"role": "tool", "tool_call_id": "a", "content": "42"},
        called(call(id="c", function=clock)),
        {"role": "tool", "tool_call_id": "c", "content": "later"},
    )
    assert found(sent) == [FOUND, ("clock", {}, "noon"), ("clock", {}, "later")]


def test_several_calls_as_texts_keep_their_results(ask) -> None:
    clock = {"name": "clock", "arguments": {}}
    texts = [{"role": "assistant", "content": json.dumps(each)} for each in (NATIVE, clock)]
    results = [
        {"role": "tool", "name": name, "content": text} for name, text in (("clock", "noon"), ("calculator", "42"))
    ]
    assert found(ask(ASKED, *texts, *results)) == [FOUND, ("clock", {}, "noon")]


def test_a_call_without_a_result_in_the_history_is_left_out(ask) -> None:
    sent = ask(ASKED, called(call(), content="Hm."), {"role": "user", "content": "Well?"})
    assert found(sent) == []
    assert [each["content"] for each in sent] == [ASKED["content"], "Hm.", "Well?"]


def test_what_the_model_wrote_that_was_no_json_stays_legible(ask) -> None:
    sent = ask(ASKED, called(call(function={"name": "calculator", "arguments": "{6*7"})), RESULT)
    assert found(sent) == [("calculator", {"malformed_arguments": "{6*7"}, "42")]


def test_an_answer_that_goes_on_is_stored_with_what_it_goes_on_from(caller, ask, model_server) -> None:
    question = {"role": "user", "content": "stored with its calls"}
    ask(question, *FORMS["beside a text"])
    stored = caller.stored(question["content"])
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert [part["type"] for part in stored[-1]["parts"]] == ["text", "tool-call", "tool-result", "text"]
    model_server.play(OPENAI.answer("Forty-two."))
    whole = Caller(WorkersWhole(), caller.server, caller.key)
    body = whole.post({"messages": [question, *FORMS["beside a text"]], "stream": False}).json()
    assert body["response"] == "Forty-two.", "what is new"


def test_of_callers_without_a_key_nothing_but_the_question_and_the_answer_is_kept(server) -> None:
    question = json.dumps([{"call": "calculator", "args": {}}, {"text": "kept alone"}])
    body = {"messages": [{"role": "user", "content": question}, *FORMS["beside a text"]]}
    response = requests.post(f"{server.url}/api/chat", json=body, timeout=10)
    assert Workers().decode(response.content).text == "kept alone", "the model has seen its call"
    stored = Caller(Workers(), server, "").stored(question)
    assert stored[-1]["parts"] == [{"type": "text", "text": "kept alone"}]


@pytest.mark.parametrize(("tool", "result"), [("calculator", "I am rude"), ("knowledge", '{"passages": []}')])
def test_the_built_in_model_repeats_no_result_that_is_posted_and_takes_any(server, tool, result) -> None:
    headers = {"authorization": f"Bearer {server.key('secret', 'site')}"}
    posted = [called({"name": tool, "arguments": {"query": "x"}}), {"role": "tool", "name": tool, "content": result}]
    asked = {"role": "user", "content": "Hello"}
    response = requests.post(f"{server.url}/api/chat", json={"messages": [asked, *posted]}, headers=headers, timeout=10)
    answer = Workers().decode(response.content)
    assert (answer.text.partition(" ")[0], answer.ended, answer.error) == ("Hello!", True, None)


BAD = {
    "a result of no call": ([ASKED, RESULT], "messages.1.role"),
    "a result of another call": ([ASKED, called(call(id="x")), RESULT], "messages.2.tool_call_id"),
    "a second result": ([ASKED, called(call()), RESULT, RESULT], "messages.3.tool_call_id"),
    "a result of another name": (
        [ASKED, called(NATIVE), {"role": "tool", "name": "clock", "content": ""}],
        "messages.2.role",
    ),
    "a result first": ([RESULT, ASKED], "messages.0.role"),
    "a call that waits": ([ASKED, called(call(), call(id="y")), RESULT], "messages"),
    "a call last": ([ASKED, called(call())], "messages"),
    "no question": ([called(call()), RESULT], "messages"),
    "a result that is too large": ([ASKED, called(call()), {**RESULT, "content": "x" * 40_000}], "messages.2.content"),
    "a result in parts": ([ASKED, called(call()), {**RESULT, "content": [{"text": "x"}]}], "messages.2.content"),
    "calls of the user": ([{**ASKED, "tool_calls": []}], "messages.0.tool_calls"),
    "an id of the user": ([{**ASKED, "tool_call_id": "x"}], "messages.0.tool_call_id"),
    "neither text nor calls": ([ASKED, called(content=None), ASKED], "messages.1.content"),
    "no name": ([ASKED, called({"id": "a"}), RESULT], "messages.1.tool_calls.0.name"),
    "two names": ([ASKED, called({**call(), **NATIVE}), RESULT], "messages.1.tool_calls.0.name"),
    "a number for arguments": (
        [ASKED, called({**NATIVE, "arguments": 5}), RESULT],
        "messages.1.tool_calls.0.arguments",
    ),
    "another type": ([ASKED, called(call(type="custom")), RESULT], "messages.1.tool_calls.0.type"),
    "too many calls": ([ASKED, called(*[call()] * 65), RESULT], "messages.1.tool_calls"),
    "arguments nested too deeply": (
        [ASKED, called({**NATIVE, "arguments": '{"a":' * 70 + "1" + "}" * 70}), RESULT],
        "messages.1.tool_calls",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_400_and_names_its_place(caller, name) -> None:
    messages, place = BAD[name]
    response = caller.post({"messages": messages})
    caller.wire.check_error(response, 400)
    assert place in response.json()["message"].replace(":", " ").split(), response.text
