"""Responses at another worker than the one that makes them, and through a stop of the server."""

from collections.abc import Iterator

import pytest
from support.responses_wire import Client, behind, events_of, joined
from support.two_servers import second_server

from app.testing.plugin import variant
from app.testing.server import Server, eventually, script

SAID = script({"reasoning": "Hm"}, {"text": "Let me see. "}, {"text": "so far"}, {"pause": 60})


@pytest.fixture(scope="module")
def elsewhere(waiting_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with second_server(waiting_server, tmp_path_factory.mktemp("second")) as running:
        yield running


@pytest.fixture
def client(waiting_server: Server) -> Client:
    return Client(waiting_server, waiting_server.key("secret"))


def test_a_response_that_runs_elsewhere_is_heard_from_its_numbers_and_cancelled(client, elsewhere) -> None:
    there = Client(elsewhere, client.key)
    with client.open(SAID, background=True) as stream:
        response_id, pieces = f"resp_{stream.headers['X-Turn-Id']}", stream.iter_content(None)
        eventually(lambda: b"so far" in next(pieces))
        listeners = [(number, there.open_again(response_id, number)) for number in range(-1, 18)]
        cancelled = there.cancel(response_id).json()
        assert cancelled["status"] == client.get(response_id).json()["status"] == "cancelled"
        (_, whole), *told = [(number, events_of(listener.content)) for number, listener in listeners]
    assert [event["sequence_number"] for event in joined(whole)][:9] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    for number, events in told:
        assert joined(events) == joined(behind(whole, number)), number


def test_an_answer_to_outputs_of_calls_has_the_same_numbers_elsewhere(client, elsewhere) -> None:
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    question = script({"text": "Wait. "}, {"call": "weather", "args": {}}, {"text": "so far"}, {"pause": 60})
    first = client.create(question, tools=tools).json()
    output = {"type": "function_call_output", "call_id": first["output"][-1]["call_id"], "output": "warm"}
    with client.open([output], tools=tools, previous_response_id=first["id"], background=True) as stream:
        response_id = f"resp_{stream.headers['X-Turn-Id']}"
        listeners = [Client(at, client.key).open_again(response_id, -1) for at in (elsewhere, client.server)]
        client.cancel(response_id)
        numbers = [[event["sequence_number"] for event in events_of(each.content)] for each in listeners]
        mine = [event["sequence_number"] for event in events_of(stream.content)]
    assert numbers[0] == numbers[1] == mine == [0, 1, 2, 3, 9, 10, 11, 12, 13, 14]


def test_a_stop_of_the_server_waits_for_what_goes_on_without_a_caller(server, tmp_path) -> None:
    question = script({"text": "so far"}, {"pause": 1}, {"text": " and further"})
    with variant(server, tmp_path, {}) as own:
        client = Client(own, own.key("secret"))
        body = client.create(question, background=True).json()
        own.stop()
        own.start()
        ended = client.get(body["id"]).json()
    assert (ended["status"], ended["output"][0]["content"][0]["text"]) == ("completed", "so far and further")
