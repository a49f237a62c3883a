"""What stands in the streams of /api/v2, chunk by chunk, and in the answers that are not streamed."""

import itertools
import re

import orjson
import pytest
from support.agents import Client, begun, chunks, text, user
from support.wires import AgentsLines

from app.testing.server import script

STEP, ENDED = {"type": "start-step"}, {"type": "finish-step"}
CALCULATED = "42"
DONE = {"type": "finish", "finishReason": "stop"}


def part(kind: str, number: int, *deltas: str) -> list[dict]:
    """The chunks of one part."""
    name = f"{kind[0]}{number}"
    said = [{"type": f"{kind}-delta", "id": name, "delta": delta} for delta in deltas]
    return [{"type": f"{kind}-start", "id": name}, *said, {"type": f"{kind}-end", "id": name}]


def called(number: int, expression: str, tool: str = "calculator") -> dict:
    call = {"toolCallId": f"call_{number}", "toolName": tool, "input": {"expression": expression}}
    return {"type": "tool-input-available", **call}


def calculate(expression: str, tool: str = "calculator") -> dict:
    return {"call": tool, "args": {"expression": expression}}


def failed(words: str) -> dict:
    return {"type": "error", "errorText": words}


# A script -> the chunks behind `start`, without what `finish` says of the answer.
FRAMES = {
    "text": ([{"text": "Quantum"}, {"burst": [" 中", '\n"x"']}],
             [STEP, *part("text", 1, "Quantum", " 中", '\n"x"'), ENDED, DONE]),
    "reasoning": ([{"reasoning": "Hm"}, {"reasoning": ", well"}, {"text": "Yes"}],
                  [STEP, *part("reasoning", 1, "Hm", ", well"), *part("text", 2, "Yes"), ENDED, DONE]),
    "a tool": ([{"text": "Let me see"}, calculate("6*7"), {"text": "42"}],
               [STEP, *part("text", 1, "Let me see"), called(1, "6*7"),
                {"type": "tool-output-available", "toolCallId": "call_1", "output": CALCULATED}, ENDED,
                STEP, *part("text", 2, "42"), ENDED, DONE]),
    "a tool that fails": ([calculate("no sum"), {"text": "x"}],
                          [STEP, called(1, "no sum"),
                           {"type": "tool-output-error", "toolCallId": "call_1",
                            "errorText": "that is not an arithmetic expression"}, ENDED,
                           STEP, *part("text", 1, "x"), ENDED, DONE]),
    "no such tool": ([calculate("6*7", "abacus"), {"text": "x"}],
                     [STEP, called(1, "6*7", "abacus"),
                      {"type": "tool-output-error", "toolCallId": "call_1",
                       "errorText": "There is no such tool. There are: calculator, clock, knowledge."},
                      ENDED, STEP, *part("text", 1, "x"), ENDED, DONE]),
    "a failure before a word": ([{"pause": 0.4}, {"fail": "upstream_failed"}],
                                [STEP, failed("The model failed to answer")]),
    "a failure in a text": ([{"text": "so far"}, {"fail": "crash"}],
                            [STEP, *part("text", 1, "so far"), failed("Internal server error")]),
    "a failure in reasoning": ([{"reasoning": "so"}, {"fail": "upstream_timeout"}],
                               [STEP, *part("reasoning", 1, "so"), failed("The model took too long to answer")]),
    "a failure behind a tool": ([calculate("6*7"), {"text": "x"}, {"fail": "overloaded"}],
                                [STEP, called(1, "6*7"),
                                 {"type": "tool-output-available", "toolCallId": "call_1", "output": CALCULATED}, ENDED,
                                 STEP, *part("text", 1, "x"), failed("The server is at capacity")]),
}  # fmt: skip


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server)


@pytest.mark.parametrize("name", FRAMES)
def test_each_event_is_its_chunk(client, name) -> None:
    steps, expected = FRAMES[name]
    start, *found = chunks(client.chat({"messages": [user("m1", script(*steps))]}))
    assert re.fullmatch("msg_[0-9a-f]{32}", start["messageId"])
    first = begun(start)
    said = found[-1].pop("messageMetadata", {})
    assert found == expected
    assert None not in itertools.chain(*(chunk.values() for chunk in found)), "strict clients know no null"
    assert (set(said) == set()) == (found[-1]["type"] == "error")
    assert {**first, **said} == {**said, **first}, "what is said twice is the same"


def test_the_stream_is_these_bytes(client) -> None:
    response = client.chat({"message": script({"text": 'é"'}), "userId": "ann"})
    conversation, answer, question, time = re.search(
        rb'"conversationId":"(.{36})","messageId":"(msg_.{32})","userMessageId":"(msg_.{32})".*"createdAt":([0-9]{13})',
        response.content,
    ).groups()
    ids = b'"conversationId":"%b","messageId":"%b","userMessageId":"%b","userId":"ann"' % (
        conversation,
        answer,
        question,
    )
    made = b'"createdAt":%b,"model":"scripted"' % time
    began = b"{%b,%b}" % (ids, made)
    said = b'{%b,"finishReason":"stop","usage":{"credits":1},%b,"inputTokens":1,"outputTokens":1,"totalTokens":2}' % (
        ids,
        made,
    )
    assert response.content == (
        b'data: {"type":"start","messageId":"%b","messageMetadata":%b,"metadata":%b}\n\n'
        b'data: {"type":"start-step"}\n\n'
        b'data: {"type":"text-start","id":"t1"}\n\n'
        b'data: {"type":"text-delta","id":"t1","delta":"\xc3\xa9\\""}\n\n'
        b'data: {"type":"text-end","id":"t1"}\n\n'
        b'data: {"type":"finish-step"}\n\n'
        b'data: {"type":"finish","finishReason":"stop","messageMetadata":%b,"metadata":%b}\n\n'
        b"data: [DONE]\n\n" % (answer, began, began, said, said)
    )


@pytest.mark.parametrize("reason", ["stop", "length", "content-filter", "other"])
def test_the_reason_of_the_end_is_told_in_each_stream(client, reason) -> None:
    question = script({"text": "x"}, {"finish": reason})
    last = chunks(client.chat({"message": question}))[-1]
    assert [last["finishReason"], last["messageMetadata"]["finishReason"]] == [reason] * 2
    *_, line = client.chat({"message": question}, format="ndjson").content.splitlines()
    assert orjson.loads(line)["finishReason"] == orjson.loads(line)["metadata"]["finishReason"] == reason
    assert client.ask(question)["metadata"]["finishReason"] == reason


@pytest.mark.parametrize("name", FRAMES)
def test_bare_lines_are_only_what_the_document_names(client, name) -> None:
    steps, expected = FRAMES[name]
    response = client.chat({"message": script(*steps)}, format="ndjson")
    start, *deltas, last = filter(None, AgentsLines().frames(response.content))  # without keep-alives
    assert {*start} == {"type", "messageId", "metadata"}
    assert start["metadata"]["messageId"] == start["messageId"]
    assert re.fullmatch("[0-9a-f-]{36}", start["metadata"]["conversationId"])
    texts = [chunk["delta"] for chunk in expected if chunk["type"] == "text-delta"]
    assert deltas == [{"type": "text-delta", "delta": delta} for delta in texts]
    if expected[-1]["type"] == "error":
        assert last == expected[-1]
    else:
        assert set(last) == {"type", "finishReason", "metadata"}
        assert last["metadata"]["messageId"] == start["messageId"]
        assert last["metadata"]["usage"] == {"credits": 1}


def test_a_whole_answer_is_one_object_without_reasoning(client) -> None:
    steps = {"reasoning": "secret"}, {"text": "See: "}, calculate("6*7"), calculate("no sum"), {"text": "42"}
    answer = client.ask(script(*steps), userId="ann")
    said, parts = answer["metadata"], answer.pop("parts")
    assert answer == {"id": answer["id"], "role": "assistant", "metadata": said}
    ids = {"conversationId": said["conversationId"], "userMessageId": said["userMessageId"]}
    assert said == {**ids, "userId": "ann", "finishReason": "stop", "usage": {"credits": 1}}
    calls = [
        {"type": "tool-call", "toolCallId": f"call_{number}", "toolName": "calculator", "input": {"expression": what}}
        for number, what in enumerate(["6*7", "no sum"], 1)
    ]
    outputs = {"call_1": CALCULATED, "call_2": "that is not an arithmetic expression"}
    results = [{"type": "tool-result", "toolCallId": each, "toolName": "calculator", "output": outputs[each]}
               for each in outputs]  # fmt: skip
    assert parts[:3] == [text("See: "), *calls]
    assert sorted(parts[3:5], key=lambda each: each["toolCallId"]) == results
    assert parts[5:] == [text("42")]
