"""Tokens are counted by the server of the model that would be asked, where it counts, and else estimated."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from support.agents import configured, keys
from support.vendor_callers import PIXEL, VendorCaller, asked, said

from app.testing.model_server import CUT, SILENCE, ModelServer, head, whole
from app.testing.provider_apis import ANTHROPIC, OPENAI
from app.testing.server import Server

PATH = "/v1/messages"
COUNT = f"{PATH}/count_tokens"
HI = asked("Hi")
COUNTED = whole(b'{"input_tokens": 4711}')
CONNECT_SECONDS = 1
WEATHER = {"name": "weather", "description": "Tells it.", "input_schema": {"type": "object"}}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def other_server() -> Iterator[ModelServer]:
    """Of the agents' second model."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_server, other_server) -> Iterator[Server]:
    tables = f"""
[models.counting]
provider = "anthropic"
base_url = "{model_server.url}/v1"
model = "m-1"
timeouts = {{ connect = {CONNECT_SECONDS} }}

[models.seeing]
provider = "anthropic"
base_url = "{other_server.url}/v1"
model = "m-2"
images = true

[models.uncounted]
provider = "openai"
base_url = "{other_server.url}/v1"
model = "m-3"

[agents.counted]
model = ["counting", "seeing"]
instructions = "Be brief."
tools = ["calculator"]
allow_system = true

[agents.estimated]
model = ["uncounted", "counting"]
"""
    with Server(tmp_path_factory.mktemp("counting"), config=configured(tables)) as running:
        yield running


@pytest.fixture(scope="module")
def caller(server) -> VendorCaller:
    return VendorCaller.new(server, "counted", PATH)


def count(caller: VendorCaller, *messages: Any, **fields: Any) -> requests.Response:
    return caller.call("POST", COUNT, {"model": caller.agent, "messages": messages or [HI], **fields})


def counted(caller: VendorCaller, *messages: Any, **fields: Any) -> int:
    response = count(caller, *messages, **fields)
    assert response.status_code == 200, response.text
    assert {*response.json()} == {"input_tokens"}
    return int(response.json()["input_tokens"])


def test_the_models_own_count_of_what_it_would_get_is_passed_on(model_server, caller) -> None:
    model_server.play(COUNTED)
    assert counted(caller, tools=[WEATHER]) == 4711
    (request,) = model_server.requests
    model_server.play(ANTHROPIC.answer("x"))
    assert caller.post(HI, tools=[WEATHER]).status_code == 200
    got = {name: each for name, each in model_server.requests[0].json.items() if name not in ("max_tokens", "stream")}
    assert (request.path, request.json) == (COUNT, got)
    assert got["system"] == "Be brief."
    assert [tool["name"] for tool in got["tools"]] == ["calculator", "weather"]


def test_the_callers_system_prompt_takes_the_place_of_the_instructions(model_server, caller) -> None:
    model_server.play(COUNTED)
    counted(caller, HI, said("Yes?"), asked("Go on"), system="Be kind.", thinking={"type": "adaptive"})
    (request,) = model_server.requests
    assert request.json["system"] == "Be kind."
    assert [message["role"] for message in request.json["messages"]] == ["user", "assistant", "user"]


def test_the_model_counts_that_would_be_asked(model_server, other_server, server, caller) -> None:
    model_server.play(COUNTED)
    other_server.play(whole(b'{"input_tokens": 815}'))
    assert counted(caller, asked([IMAGE])) == 815, "the first takes no images"
    assert counted(caller, model="seeing") == 815
    assert (model_server.requests, len(other_server.requests)) == ([], 2)
    frank = VendorCaller.new(server, "estimated", PATH)
    assert counted(frank) == 4
    assert counted(frank, model="counting") == 4711
    assert (len(model_server.requests), len(other_server.requests)) == (1, 2)


FAILURES = {
    "a refusal": whole(ANTHROPIC.refusal("no"), 400),
    "a wrong key": whole(ANTHROPIC.refusal("no"), 401),
    "a limit": whole(ANTHROPIC.refusal("slowly"), 429, retry_after="30"),
    "a failure": whole(b"", 500),
    "nonsense": whole(b"<html>"),
    "a cut": [head(content_length="20"), CUT],
    "another API": OPENAI.answer("x"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_where_that_fails_it_is_estimated_after_one_try(model_server, caller, name) -> None:
    model_server.play(COUNTED)
    caller_estimate = counted(VendorCaller.new(caller.server, "estimated", PATH), asked("x" * 400))
    model_server.play(FAILURES[name])
    bare = counted(caller)
    assert counted(caller, asked("x" * 400)) - bare == caller_estimate - 4 == 100
    assert counted(caller, tools=[WEATHER]) > bare + 10
    assert counted(caller, system="y" * 436) == bare + 100 + 7, "which stands in the place of nine letters"
    assert len(model_server.requests) == 4


@pytest.mark.timed
def test_a_silent_server_is_waited_for_a_moment_and_holds_nobody_up(model_server, caller) -> None:
    model_server.play([SILENCE])
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(counted, caller) for _ in range(4)]
        model_server.wait_for_request(4)
        assert requests.get(f"{caller.server.url}/health", timeout=5).status_code == 200
        assert time.monotonic() - began < CONNECT_SECONDS
        assert len({each.result(timeout=20) for each in waiting}) == 1
    assert CONNECT_SECONDS < time.monotonic() - began < 3 * CONNECT_SECONDS


def test_a_count_is_no_answer_and_its_failures_pass_over_no_model(model_server, server) -> None:
    broke = VendorCaller(server, "counted", keys(server).create("secret", "counted", budget=0), PATH)
    model_server.play(COUNTED)
    assert counted(broke) == 4711
    assert broke.post(HI).status_code == 402
    model_server.play(whole(b"", 500))
    rich = VendorCaller.new(server, "counted", PATH)
    for _ in range(20):
        counted(rich)
    model_server.play(ANTHROPIC.answer("x"))
    assert rich.post(HI).json()["content"][0]["text"] == "x"


def test_a_stream_begins_without_asking_for_a_count(model_server, caller) -> None:
    model_server.play(ANTHROPIC.answer("x"))
    assert '"message_start"' in caller.post(HI, stream=True).text
    assert [request.path for request in model_server.requests] == [PATH]


def test_what_would_be_refused_is_not_counted(model_server, server, caller) -> None:
    frank = VendorCaller.new(server, "estimated", PATH)
    model_server.play(COUNTED)
    for asking, fields, place in (
        (frank, {"system": "Obey."}, "system"),
        (frank, {"messages": [asked([IMAGE])]}, "messages.0.content.0"),
        (caller, {"tools": [{**WEATHER, "name": "calculator"}]}, "tools.0"),
    ):
        response = count(asking, **fields)
        assert (response.status_code, response.json()["error"]["message"].split(":")[0]) == (400, place)
    assert model_server.requests == []
