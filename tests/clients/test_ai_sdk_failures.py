"""What goes wrong reaches the page as the AI SDK's own error, says why, and leaves a chat that can go on."""

import json
from collections.abc import Iterator

import pytest
from support.sdk import VERSIONS, Client, Program, config, regenerate, send, text

from app.testing.server import Server, script

LOCATE = {"call": "locate"}
NEXT = script({"text": "Next."})
FILE = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AAAA"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shop"), config=config()) as running:
        yield running


@pytest.fixture(scope="module")
def slow(tmp_path_factory) -> Iterator[tuple[Server, str]]:
    """A server that takes one request a minute, and a key."""
    with Server(tmp_path_factory.mktemp("slow"), config=config(agents="1/minute")) as running:
        yield running, running.key("secret", "shop")


@pytest.fixture(scope="module")
def key(shop) -> str:
    return shop.key("secret", "shop")


@pytest.fixture(scope="module", params=VERSIONS)
def program(request) -> Iterator[Program]:
    with Program(request.param) as running:
        yield running


@pytest.fixture
def client(program, shop, key) -> Client:
    return Client(program, shop, "shop", key)


def code(error: str) -> str:
    """Of an error that was told before the stream began."""
    return json.loads(error)["error"]["code"]


def test_a_failure_in_mid_answer_is_an_error_after_what_was_said(client) -> None:
    talk = client.talk(send(script({"text": "So far"}, {"fail": "upstream_failed"})), send(NEXT))
    assert [each["status"] for each in talk.after] == ["error", "ready"]
    assert talk.errors == ["The model failed to answer"]
    assert [each["isError"] for each in talk.finished] == [True, False]
    assert (text(talk.messages[1]), text(talk.answer)) == ("So far", "Next.")
    stored = client.stored(talk.conversation_id)
    assert [(each["status"], each["text"]) for each in stored[1::2]] == [("failed", "So far"), ("complete", "Next.")]
    assert stored[1]["id"] == talk.messages[1]["id"].removeprefix("msg_")


def test_the_parts_of_an_answer_that_fails_are_ended_before_the_error(client) -> None:
    told = client.read(script({"reasoning": "Hm"}, {"text": "So"}, {"fail": "upstream_timeout"}))
    assert told["errors"] == ["The model took too long to answer"]
    assert [each["type"] for each in told["exchanges"][0]["chunks"]][-4:] == [
        *("text-start", "text-delta", "text-end", "error"),
    ]


def test_a_bug_is_told_as_no_more_than_an_internal_error(client) -> None:
    told = client.read(script({"text": "So far"}, {"fail": "crash"}))
    assert told["errors"] == ["Internal server error"]


def test_a_question_that_failed_can_be_asked_again(client) -> None:
    failing = script({"text": "A"}, {"fail": "upstream_failed"})
    talk = client.talk(send(failing), regenerate(), send(NEXT, edit=0))
    assert [each["status"] for each in talk.after] == ["error", "error", "ready"]
    assert talk.texts == [NEXT, "Next."] == [text(each) for each in client.history(talk.conversation_id)]


@pytest.mark.parametrize(
    ("step", "status", "expected"),
    [
        ({"refuse": "overloaded"}, 503, "SERVICE_OVERLOADED"),
        ({"fail": "upstream_failed"}, 502, "CHAT_MODEL_FAILED"),
        ({"refuse": "upstream_timeout"}, 504, "CHAT_MODEL_TIMEOUT"),
    ],
)
def test_a_model_that_does_not_begin_is_an_error_before_the_stream(client, step, status, expected) -> None:
    talk = client.talk(send(script(step)), {"again": True}, send(NEXT))
    assert [exchange["status"] for exchange in talk.exchanges] == [status, status, 200]
    assert [code(error) for error in talk.errors] == [expected] * 2
    assert talk.texts[1:] == [NEXT, "Next."]
    questions = [each for each in client.history(talk.conversation_id) if each["role"] == "user"]
    assert len(questions) == 2


def test_wrong_and_missing_keys_and_foreign_agents_are_told_apart(client, shop) -> None:
    for agent, key, expected in (
        ("shop", "wrong", "AUTH_INVALID_API_KEY"),
        ("archive", client.key, "AGENT_NOT_FOUND"),
        ("nobody", client.key, "AGENT_NOT_FOUND"),
    ):
        talk = Client(client.program, shop, agent, key).talk(send("hi"))
        assert (talk.after[0]["status"], code(talk.errors[0])) == ("error", expected)


def test_spent_credits_are_told_and_leave_the_chat_as_it_was(client, shop) -> None:
    poor = Client(client.program, shop, "shop", shop.key("secret", "shop", "--credits", "1"))
    talk = poor.talk(send(NEXT), send("One more."))
    assert (talk.exchanges[1]["status"], code(talk.errors[0])) == (402, "CHAT_CREDITS_EXHAUSTED")
    conversation_id = talk.messages[1]["metadata"]["conversationId"]
    assert [text(message) for message in poor.history(conversation_id)] == [NEXT, "Next."]


def test_who_asks_too_often_is_told(program, slow) -> None:
    server, key = slow
    talk = Client(program, server, "shop", key).talk(send(NEXT), send(NEXT))
    assert (talk.exchanges[1]["status"], code(talk.errors[-1])) == (429, "RATE_LIMIT_TOO_MANY_REQUESTS")
    assert int(talk.exchanges[1]["headers"]["retry-after"]) > 0


def test_a_file_is_refused_by_name(client) -> None:
    talk = client.talk(send("Look!", files=[FILE]))
    assert talk.exchanges[0]["status"] == 400
    assert "takes no images" in talk.errors[0]


def test_a_chat_goes_on_after_a_file_was_refused(client) -> None:
    talk = client.talk(send("Look!", files=[FILE]), send(NEXT))
    assert text(talk.messages[-1]) == "Next."


def test_a_chat_goes_on_behind_an_answer_without_a_word(client) -> None:
    before = [
        {"id": "u1", "role": "user", "parts": [{"type": "text", "text": "hi"}]},
        {"id": "a1", "role": "assistant", "parts": []},
    ]
    assert client.talk(send(NEXT), messages=before).errors == []


def test_outputs_that_met_a_model_which_did_not_begin_can_be_sent_again(client) -> None:
    talk = client.talk(send(script(LOCATE, {"refuse": "overloaded"})), {"output": "Bern"}, {"again": True})
    assert [exchange["status"] for exchange in talk.exchanges] == [200, 503, 503]
