"""Responses that are kept: looked up, gone on from, listed, deleted; and those that are not."""

from collections.abc import Callable
from typing import Any

import pytest
from support.responses_wire import Client, events_of

from app.testing.model_server import ModelServer
from app.testing.provider_apis import OPENAI
from app.testing.server import script
from app.wires.responses.posted_items import MOST_REFERENCES

NOT_FOUND = {"message": "Not found", "type": "invalid_request_error", "param": "", "code": "not_found"}
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


@pytest.fixture
def client(server, secret_key) -> Client:
    return Client(server, secret_key)


@pytest.fixture
def seen(relay, relay_keys, model_server: ModelServer) -> Callable[..., tuple[dict[str, Any], list[Any]]]:
    """Asks an agent whose model is scripted here; the response, and the messages that the model got."""
    client = Client(relay, relay_keys["secret", "openai"], "openai")

    def ask(asked: Any, said: str, **fields: Any) -> tuple[dict[str, Any], list[Any]]:
        model_server.play(OPENAI.answer(said))
        response = client.create(asked, **fields)
        assert response.status_code == 200, response.text
        messages = model_server.requests[-1].json["messages"]
        return response.json(), [(each["role"], each["content"]) for each in messages if each["role"] != "system"]

    return ask


def test_a_stored_response_is_looked_up_as_it_was_told(client) -> None:
    for stream in (False, True):
        created = client.create(script({"reasoning": "Hm"}, {"text": "Hello"}), stream=stream, metadata={"a": "b"})
        told = events_of(created.content)[-1]["response"] if stream else created.json()
        found = client.get(told["id"]).json()
        assert abs(found.pop("completed_at") - told.pop("completed_at")) <= 1
        assert found == told


def test_one_that_is_not_stored_cannot_be_looked_up_though_the_turn_is_recorded(client) -> None:
    question = script({"text": "x"}, {"text": "not stored"})
    body = client.create(question, store=False).json()
    assert body["store"] is False
    for refused in (
        client.get(body["id"]),
        client.get(body["id"], "/input_items"),
        client.cancel(body["id"]),
        client.delete(body["id"]),
    ):
        assert (refused.status_code, refused.json()["error"]) == (404, NOT_FOUND)
    assert client.server.rows("SELECT status FROM messages WHERE id = ?", body["id"][5:])[0]["status"] == "complete"
    _refused_as_previous(client, body["id"])


def test_a_deleted_one_is_as_if_it_had_never_been(client) -> None:
    first = client.create(script({"text": "x"})).json()
    second = client.create(script({"text": "y"}), previous_response_id=first["id"]).json()
    assert client.delete(first["id"]).json() == {"id": first["id"], "object": "response", "deleted": True}
    assert client.get(first["id"]).status_code == client.delete(first["id"]).status_code == 404
    _refused_as_previous(client, first["id"])
    assert client.create(script({"text": "z"}), previous_response_id=second["id"]).status_code == 200


def test_another_keys_is_as_if_it_were_not_there(client, server) -> None:
    body = client.create(script({"text": "x"})).json()
    stranger = Client(server, server.key("secret"))
    for refused in (
        stranger.get(body["id"]),
        stranger.hear(body["id"]),
        stranger.get(body["id"], "/input_items"),
        stranger.cancel(body["id"]),
        stranger.delete(body["id"]),
    ):
        assert (refused.status_code, refused.json()["error"]) == (404, NOT_FOUND)
    _refused_as_previous(stranger, body["id"])
    reference = {"type": "item_reference", "id": body["output"][0]["id"]}
    asked = [reference, {"role": "user", "content": "hi"}]
    assert stranger.create(asked).status_code == 404
    assert client.get(body["id"]).status_code == 200


def _refused_as_previous(client: Client, response_id: str) -> None:
    refused = client.create("hi", previous_response_id=response_id)
    assert refused.status_code == 404
    assert refused.json()["error"] == {
        "message": f"Previous response with id '{response_id}' not found.",
        "type": "invalid_request_error",
        "param": "previous_response_id",
        "code": "previous_response_not_found",
    }


def test_a_response_is_gone_on_from_as_often_as_one_likes(seen) -> None:
    first, _ = seen("My name is Alice.", "Hello Alice.")
    before = [("user", "My name is Alice."), ("assistant", "Hello Alice.")]
    second, messages = seen("Who am I?", "Alice.", previous_response_id=first["id"])
    assert messages == [*before, ("user", "Who am I?")]
    branch, messages = seen("Forget it.", "Forgotten.", previous_response_id=first["id"])
    assert messages == [*before, ("user", "Forget it.")]
    _, messages = seen("Thanks.", "Welcome.", previous_response_id=second["id"])
    assert messages == [*before, ("user", "Who am I?"), ("assistant", "Alice."), ("user", "Thanks.")]
    _, messages = seen("Who am I?", "No idea.", previous_response_id=branch["id"])
    assert messages == [*before, ("user", "Forget it."), ("assistant", "Forgotten."), ("user", "Who am I?")]


def test_what_a_response_goes_on_from_is_kept_once(seen, relay) -> None:
    first, _ = seen("Only once, please.", "Once.")
    second, _ = seen("And then?", "Then.", previous_response_id=first["id"])
    rows = relay.rows(
        "SELECT c.posted, c.follows FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE m.id = ?",
        second["id"][5:],
    )
    assert (rows[0]["posted"], bool(rows[0]["follows"])) == (None, True)


def test_an_item_of_a_stored_response_may_be_referred_to(seen) -> None:
    first, _ = seen("My name is Bob.", "Hello Bob.")
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    asked = [{"role": "user", "content": "My name is Bob."}, reference, {"role": "user", "content": "Who?"}]
    _, messages = seen(asked, "Bob.")
    assert messages == [("user", "My name is Bob."), ("assistant", "Hello Bob."), ("user", "Who?")]


def test_an_item_is_referred_to_once_and_not_many_are(client) -> None:
    """A few bytes name as much as an answer has."""
    body = client.create(script({"text": "x"})).json()
    reference = {"type": "item_reference", "id": body["output"][0]["id"]}
    others = [
        {"type": "item_reference", "id": client.create(script({"text": "y"})).json()["output"][0]["id"]}
        for _ in range(MOST_REFERENCES)
    ]
    question = {"role": "user", "content": script({"text": "z"})}
    assert client.create([*others, question]).status_code == 200
    for asked, index in (([reference, reference], 1), ([reference, *others], MOST_REFERENCES)):
        refused = client.create([*asked, question])
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, f"input[{index}].id")


def test_a_response_that_failed_says_so_whatever_has_been_heard_of_it(client) -> None:
    """Where a worker was killed, more may have been heard than was kept."""
    whole = events_of(client.create(script({"text": "so far"}, {"fail": "upstream_failed"}), stream=True).content)
    for number in (whole[-1]["sequence_number"], 10_000):
        told = events_of(client.hear(whole[-1]["response"]["id"], number).content)
        assert [event["type"] for event in told] == ["error", "response.failed"]


def test_what_was_posted_is_listed_in_pages(client) -> None:
    first = client.create(script({"text": "before"})).json()
    said = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
        {"role": "user", "content": [{"type": "input_text", "text": script({"text": "x"})}]},
    ]
    body = client.create(said, previous_response_id=first["id"]).json()
    listed = client.get(body["id"], "/input_items", order="asc").json()
    assert (listed["object"], listed["has_more"]) == ("list", False)
    texts = [item["content"][0]["text"] for item in listed["data"]]
    assert texts == ["one", "two", script({"text": "x"})], "not what came by the previous response"
    assert [item["role"] for item in listed["data"]] == ["user", "assistant", "user"]
    assert (listed["first_id"], listed["last_id"]) == (listed["data"][0]["id"], listed["data"][-1]["id"])
    newest = client.get(body["id"], "/input_items", limit=2).json()
    assert (newest["data"], newest["has_more"]) == (listed["data"][:0:-1], True)
    oldest = client.get(body["id"], "/input_items", limit=2, after=newest["last_id"]).json()
    assert (oldest["data"], oldest["has_more"]) == (listed["data"][:1], False)
    assert client.get(body["id"], "/input_items", after="nothing").status_code == 400
    assert client.get(body["id"], "/input_items", limit=0).status_code == 400


def test_an_output_of_a_call_is_listed_alone_where_the_call_came_before(client) -> None:
    question = script({"call": "weather", "args": {"city": "Rome"}}, {"text": "It is warm."})
    first = client.create(question, tools=[TOOL]).json()
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "20 degrees"}
    body = client.create([output], tools=[TOOL], previous_response_id=first["id"]).json()
    (listed,) = client.get(body["id"], "/input_items").json()["data"]
    assert {name: listed[name] for name in output} == output
    assert [item["type"] for item in client.get(body["id"]).json()["output"]] == ["message"]


def test_the_same_with_an_idempotency_key_is_the_same_response(client) -> None:
    question, key = script({"text": "once"}), {"Idempotency-Key": "kept-once-and-for-all"}
    first, again = (client.create(question, headers=key) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["output"] == first.json()["output"]


def test_a_conversation_in_short_is_posted_in_its_place(seen, relay, relay_keys, model_server) -> None:
    client = Client(relay, relay_keys["secret", "openai"], "openai")
    first, _ = seen("The launch is on Tuesday.", "Understood.")
    model_server.play(OPENAI.answer("Launch: Tuesday. Support first."))
    asked = [{"role": "user", "content": "Tell support first."}, {"role": "assistant", "content": "I will."}]
    short = client.shorten(asked, previous_response_id=first["id"])
    assert short.status_code == 200, short.text
    *said, (_, prompt) = [(each["role"], each["content"]) for each in model_server.requests[-1].json["messages"]][-5:]
    assert [text for _, text in said] == ["The launch is on Tuesday.", "Understood.", "Tell support first.", "I will."]
    assert prompt.startswith("Summarize the conversation so far")
    body = short.json()
    assert (body["object"], [item["type"] for item in body["output"]]) == ("response.compaction", ["compaction"])
    assert client.get(body["id"]).status_code == 404
    _, messages = seen([*body["output"], {"role": "user", "content": "When?"}], "On Tuesday.")
    told = "\n".join(text for _, text in messages)
    assert "What was said before, in short:\n\nLaunch: Tuesday. Support first." in told
    assert "Understood." not in told
    forged = [{**body["output"][0], "encrypted_content": "forged"}, {"role": "user", "content": "When?"}]
    assert client.create(forged).json()["error"]["param"] == "input[0].encrypted_content"
    assert client.shorten([]).json()["error"]["param"] == "input"
