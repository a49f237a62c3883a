"""Responses that go on without their callers, that are cancelled, and that are heard from any of their numbers."""

from typing import Any

import pytest
from support.responses_wire import Client, behind, events_of, joined, kinds

from app.testing.model_server import LAST, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import eventually, new_session_id, script

SAID: tuple[dict[str, Any], ...] = (
    {"reasoning": "Hm, "},
    {"reasoning": "så."},
    {"text": "Let "},
    {"burst": ["me\n\n", "see. "]},
    {"call": "calculator", "args": {"expression": "2+2"}},
    {"text": "It is fo🙂ur."},
)
OPEN = script({"text": "so far"}, {"pause": 60})


@pytest.fixture
def client(server, secret_key) -> Client:
    return Client(server, secret_key)


def status_of(client: Client, response_id: str) -> str:
    return str(client.get(response_id).json()["status"])


def test_a_response_in_the_background_goes_on_without_its_caller(client) -> None:
    question = script({"text": "so far"}, {"pause": 0.5}, {"text": " and further"})
    body = client.create(question, background=True).json()
    assert (body["status"], body["output"], body["background"]) == ("queued", [], True)
    assert status_of(client, body["id"]) == "in_progress"
    eventually(lambda: status_of(client, body["id"]) == "completed")
    ended = client.get(body["id"]).json()
    assert ended["output"][0]["content"][0]["text"] == "so far and further"
    assert ended["usage"]["output_tokens"] > 0
    assert {**ended, **{name: body[name] for name in ("status", "output", "usage", "completed_at")}} == body


def test_what_a_models_server_says_slowly_is_read_when_the_caller_has_its_reply(
    model_server, relay, relay_keys
) -> None:
    told = [step for piece in ("so ", "far ", "and ", "further") for step in (OPENAI.text(piece), 0.05)]
    model_server.play([*streamed(*told, OPENAI.end()), LAST])
    client = Client(relay, relay_keys["secret", "openai"], "openai")
    body = client.create("Hi", background=True).json()
    eventually(lambda: status_of(client, body["id"]) == "completed")
    assert client.get(body["id"]).json()["output"][0]["content"][0]["text"] == "so far and further"


def test_a_stream_in_the_background_outlives_its_caller(client) -> None:
    question = script({"text": "so far"}, {"pause": 0.5}, {"text": " and further"})
    with client.open(question, background=True) as stream:
        response_id = f"resp_{stream.headers['X-Turn-Id']}"
        next(stream.iter_content(1))
    eventually(lambda: status_of(client, response_id) == "completed")
    assert "so far and further" in client.get(response_id).text


def test_a_stream_in_the_foreground_ends_with_its_caller(client) -> None:
    with client.open(OPEN) as stream:
        response_id = f"resp_{stream.headers['X-Turn-Id']}"
        next(stream.iter_content(1))
    eventually(lambda: status_of(client, response_id) == "failed")


def test_a_response_is_cancelled_once_and_for_all(client) -> None:
    question = script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})
    body = client.create(question, background=True).json()
    first, again = client.cancel(body["id"]), client.cancel(body["id"])
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (again.status_code, again.content) == (200, first.content)
    assert client.get(body["id"]).content == first.content
    assert first.json()["error"] is None


def test_cancelling_what_is_over_changes_nothing(client) -> None:
    body = client.create(script({"text": "x"})).json()
    cancelled = client.cancel(body["id"])
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "completed")
    assert client.get(body["id"]).content == cancelled.content


def test_whoever_listens_hears_that_a_response_is_cancelled(client) -> None:
    with client.open(OPEN, background=True) as stream:
        response_id = f"resp_{stream.headers['X-Turn-Id']}"
        client.cancel(response_id)
        events = events_of(stream.content)
    assert kinds(events)[-2:] == ["error", "failed"]
    assert (events[-2]["code"], events[-1]["response"]["status"]) == ("stopped", "cancelled")
    assert events[-1]["response"]["error"]["code"] == "stopped"


def test_nobody_goes_on_from_what_is_still_being_answered(client) -> None:
    body = client.create(OPEN, background=True).json()
    refused = client.create("hi", previous_response_id=body["id"])
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "previous_response_not_completed"
    assert client.delete(body["id"]).json()["deleted"]
    rows = "SELECT status FROM messages WHERE id = ?"
    assert client.server.rows(rows, body["id"][5:])[0]["status"] == "interrupted", "it has ended with it"


def test_the_same_in_the_background_again_says_how_it_stands(client) -> None:
    key = {"Idempotency-Key": new_session_id()}
    body = client.create(question := script({"text": "x"}, {"text": "y"}), background=True, headers=key).json()
    eventually(lambda: status_of(client, body["id"]) == "completed")
    again = client.create(question, background=True, headers=key)
    assert again.json() == client.get(body["id"]).json()


def test_a_response_that_is_over_is_heard_from_every_number(client) -> None:
    whole = events_of(client.create(script(*SAID), stream=True).content)
    response_id, last = whole[-1]["response"]["id"], whole[-1]["sequence_number"]
    for number in range(-1, last + 3):
        told = client.hear(response_id, number)
        assert told.status_code == 200
        assert joined(events_of(told.content)) == joined(behind(whole, number)), number


@pytest.mark.parametrize("first", range(-1, 89, 15))  # so many may listen to one answer
def test_a_response_that_runs_is_heard_from_every_number(client, first) -> None:
    with client.open(script(*SAID, {"text": "so far"}, {"pause": 60}), background=True) as stream:
        response_id, pieces = f"resp_{stream.headers['X-Turn-Id']}", stream.iter_content(None)
        eventually(lambda: b"so far" in next(pieces))
        numbers = [-1, *range(first + 1, first + 16)]
        listeners = [client.open_again(response_id, number) for number in numbers]
        client.cancel(response_id)
        whole, *told = [events_of(listener.content) for listener in listeners]
    assert whole[-1]["sequence_number"] < 104, "all of them are tried"
    said = whole[-2]["sequence_number"] - 1  # before the failure, which is told whatever was heard
    for number, events in zip(numbers[1:], told, strict=True):
        assert joined(events) == joined(behind(whole, min(number, said))), number
