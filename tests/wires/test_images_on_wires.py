"""Images in questions over each wire that takes them: to the model's server as they are, or refused by name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from support.agents import Client, finished, keys
from support.vendor_callers import AT, HERE, PIXEL, VendorCaller, asked, said, vendors_server

from app.testing.model_server import ModelServer, whole
from app.testing.provider_apis import OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import Server, new_session_id

WORDS = "What is this?"
COMPLETIONS, MESSAGES = "/v1/chat/completions", "/v1/messages"
TAKES_NONE = "This agent's model takes no images."
NO_ADDRESS = "Not an https address, nor a data URL of an image."
SEEN: dict[str, dict[str, Any]] = {
    "openai": {
        AT: {"type": "image_url", "image_url": {"url": AT}},
        HERE: {"type": "image_url", "image_url": {"url": HERE}},
    },
    "anthropic": {
        AT: {"type": "image", "source": {"type": "url", "url": AT}},
        HERE: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
    },
}


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_server) -> Iterator[Server]:
    with vendors_server(tmp_path_factory.mktemp("images"), model_server) as running:
        yield running


def over_openai(server: Server, agent: str, url: str) -> requests.Response:
    parts = [{"type": "text", "text": WORDS}, {"type": "image_url", "image_url": {"url": url}}]
    return VendorCaller.new(server, agent, COMPLETIONS).post(asked(parts))


def over_messages(server: Server, agent: str, url: str) -> requests.Response:
    source = {"type": "url", "url": url}
    if url.startswith("data:"):
        kind, _, data = url.removeprefix("data:").partition(";base64,")
        source = {"type": "base64", "media_type": kind, "data": data}
    blocks = [{"type": "text", "text": WORDS}, {"type": "image", "source": source}]
    return VendorCaller.new(server, agent, MESSAGES).post(asked(blocks))


def ui_parts(url: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": WORDS}, {"type": "file", "mediaType": "image/png", "url": url}]


def over_agents(server: Server, agent: str, url: str) -> requests.Response:
    message = {"id": "q1", "role": "user", "parts": ui_parts(url)}
    return Client.new(server, agent).page(new_session_id(), message)


Asks = Callable[[Server, str, str], requests.Response]
every_wire = pytest.mark.parametrize("ask", [over_openai, over_messages, over_agents], ids=lambda ask: ask.__name__)
PLACES = {
    over_openai: "messages[0].content[1]",
    over_messages: "messages.0.content.1",
    over_agents: "messages.0.parts.1",
}


@every_wire
@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
@pytest.mark.parametrize("url", [AT, HERE], ids=["address", "data"])
def test_it_reaches_the_models_server_as_it_stands(model_server, server, ask: Asks, api: ProviderApi, url) -> None:
    model_server.play(api.answer("A cat."))
    assert ask(server, api.provider, url).status_code == 200
    content = model_server.requests[0].json["messages"][-1]["content"]
    assert content == [{"type": "text", "text": WORDS}, SEEN[api.provider][url]]


@every_wire
def test_the_model_that_takes_none_does_not_stand_in_for_the_one_that_does(model_server, server, ask: Asks) -> None:
    model_server.play(whole(OPENAI.refusal("no"), 500))
    ask(server, "openai", HERE)
    assert model_server.requests
    assert all(isinstance(request.json["messages"][-1]["content"], list) for request in model_server.requests)


@every_wire
@pytest.mark.parametrize("agent", ["blind-openai", "blind-anthropic", "open"])
def test_where_no_model_takes_any_it_is_refused_where_it_stands(model_server, server, ask: Asks, agent) -> None:
    model_server.play(OPENAI.answer("x"))
    response = ask(server, agent, HERE)
    assert response.status_code == 400
    assert TAKES_NONE in response.text
    assert PLACES[ask] in response.text
    assert model_server.requests == []


@every_wire
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "data:text/html;base64,PGI+",
        "data:image/png;base64,no!",
        "a.png",
        "file:///etc/passwd",
    ],
)
def test_what_is_neither_an_https_address_nor_an_image_is_refused(model_server, server, ask: Asks, url) -> None:
    model_server.play(OPENAI.answer("x"))
    response = ask(server, "openai", url)
    assert response.status_code == 400
    assert any(words in response.text for words in (NO_ADDRESS, "Not a data URL of an image", "data is not base64"))
    assert model_server.requests == []


@every_wire
def test_one_that_is_larger_than_a_body_may_be_is_413(server, ask: Asks) -> None:
    assert ask(server, "openai", f"data:image/png;base64,{'A' * 300_000}").status_code == 413


def test_an_earlier_image_in_a_posted_conversation_counts_as_well(model_server, server) -> None:
    part = {"type": "image_url", "image_url": {"url": AT}}
    posted = [asked([part]), said("A cat."), asked("Sure?")]
    refused = VendorCaller.new(server, "blind-openai", COMPLETIONS).post(*posted)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "messages[0].content[0]")
    model_server.play(OPENAI.answer("Yes."))
    assert VendorCaller.new(server, "openai", COMPLETIONS).post(*posted).status_code == 200
    assert model_server.requests[0].json["messages"][0]["content"] == [part]


@pytest.fixture(scope="module")
def page(server) -> Client:
    return Client.new(server, "openai")


def test_the_agents_wire_shows_it_again_and_goes_on_with_it(model_server, page) -> None:
    name = new_session_id()
    model_server.play(OPENAI.answer("A cat."))
    finished(page.page(name, {"id": "q1", "role": "user", "parts": ui_parts(HERE)}))
    question, answer = page.get(f"/conversations/{name}/messages", format="ui")["data"]
    assert question["parts"] == ui_parts(HERE)
    model_server.play(OPENAI.answer("Yes."))
    sure = {"id": "q2", "role": "user", "parts": [{"type": "text", "text": "Sure?"}]}
    finished(page.page(name, question, answer, sure))
    first, _, last = [each for each in model_server.requests[0].json["messages"] if each["role"] != "system"]
    assert first["content"] == [{"type": "text", "text": WORDS}, SEEN["openai"][HERE]]
    assert last == {"role": "user", "content": "Sure?"}


def test_of_an_address_the_agents_wire_does_not_know_which_kind_of_image_it_is(model_server, page) -> None:
    name = new_session_id()
    model_server.play(OPENAI.answer("A cat."))
    finished(page.page(name, {"id": "q1", "role": "user", "parts": ui_parts(AT)[1:]}))
    question, _ = page.get(f"/conversations/{name}/messages", format="ui")["data"]
    assert question["parts"] == [{"type": "file", "mediaType": "image/*", "url": AT}]


def test_files_that_are_no_images_are_refused_by_their_type(page) -> None:
    part = {"type": "file", "mediaType": "application/pdf", "url": "https://example.com/a.pdf"}
    response = page.page(new_session_id(), {"id": "q1", "role": "user", "parts": [part]})
    assert response.status_code == 400
    assert "Only images can be looked at." in response.text
    assert "parts.0.mediaType" in response.text


@pytest.mark.parametrize("path", [COMPLETIONS, MESSAGES])
def test_who_has_no_credits_is_told_that_asking_again_does_not_help(server, path) -> None:
    key = keys(server).create("secret", "openai", budget=0)
    response = VendorCaller(server, "openai", key, path).post(asked("Hi"))
    assert (response.status_code, response.headers["x-should-retry"]) == (402, "false")
    assert "Retry-After" not in response.headers
