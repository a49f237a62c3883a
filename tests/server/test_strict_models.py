"""Conversations over several questions with model servers that refuse all that real ones are known to refuse."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.payload_rules import gemini_faults, mistral_faults, openai_faults
from support.payload_rules_anthropic import anthropic_faults, bedrock_faults, converted

from app.testing.configuration import CONFIG
from app.testing.model_server import CUT, LAST, Action, ModelServer, Request, streamed, whole
from app.testing.provider_apis import ANTHROPIC, OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import ROOT, Server, new_session_id

CONFIGURATION = """
[models.MODEL]
provider = "API"
base_url = "URL/v1"
model = "m-1"

[agents.MODEL]
model = "MODEL"
tools = ["calculator"]
instructions = "Be brief."
"""
WORKFLOW = """
[agents.priced]
model = "openai"
workflow = "Price with tax"

[workflows]
files = ["w/*.yaml"]
"""
WHOLE_PRICE = (ROOT / "config/workflows/price-with-tax.yaml").read_text()
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


class StrictServer(ModelServer):
    """Plays a model that calls a tool of the name in the user's last message, `call NAME`, and then answers. A message
    with "break" breaks the answer off in the round after the call, "half" after a few words, "refuse" is a 500.

    `tells_no_calls`: it refuses every conversation with tool calls, whatever they are like.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tells_no_calls = False
        self.refusals: list[str] = []
        self.always = self._answer

    def _answer(self, request: Request) -> list[Action]:
        api = ANTHROPIC if request.path.endswith("/messages") else OPENAI
        faults = self._faults(request.json, api)
        if faults:
            self.refusals += faults
            return whole(api.refusal(faults[0]), 400)
        asked, answering = _last(request.json["messages"])
        if "refuse" in asked:
            return whole(api.refusal("no"), 500)
        if "half" in asked or ("break" in asked and answering):
            return [*streamed(api.begin, api.text("Half an ")), CUT]
        if "call" not in asked or answering:
            return api.answer("Well.")
        name = asked.split("call ")[1].removesuffix(" break")
        call = api.call(0, name.removesuffix("!"), {"expression": "6*7"})
        return [*streamed(api.begin, call, api.end("tool_calls")), LAST]

    def _faults(self, payload: Any, api: ProviderApi) -> list[str]:
        if self.tells_no_calls and ("tool_use" in str(payload["messages"]) or "tool_calls" in str(payload["messages"])):
            return ["tool calls are not supported"]
        if api is ANTHROPIC:
            return [*anthropic_faults(payload), *bedrock_faults(payload)]
        faults = [*openai_faults(payload), *mistral_faults(payload), *gemini_faults(payload)]
        return [*faults, *anthropic_faults(converted(payload)), *bedrock_faults(converted(payload))]


def _last(messages: list[Any]) -> tuple[str, bool]:
    """The last question, and whether the model has called a tool for it, told as such or in words."""
    for number, message in enumerate(reversed(messages)):
        content = message["content"]
        text = content if isinstance(content, str) or content is None else content[-1].get("text", "")
        if message["role"] == "user" and text and not text.startswith("(The tool"):
            return text.split("\n\n")[-1], number > 0
    raise AssertionError("no question")


@pytest.fixture(scope="module")
def models() -> Iterator[StrictServer]:
    with StrictServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(models, tmp_path_factory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("strict")
    (home / "w").mkdir()
    (home / "w" / "price.yaml").write_text(WHOLE_PRICE)
    added = "".join(CONFIGURATION.replace("MODEL", f"{api}").replace("API", f"{api}") for api in PROVIDER_APIS)
    with Server(home, config=CONFIG + added.replace("URL", models.url) + WORKFLOW) as running:
        yield running


@pytest.fixture
def strict(models) -> Iterator[StrictServer]:
    models.requests.clear()
    models.refusals.clear()
    yield models
    models.tells_no_calls = False


class Visitor:
    """One conversation over the widget's wire."""

    def __init__(self, server: Server, agent: str) -> None:
        self._server, self._key, self._session = server, server.key("widget", agent), new_session_id()

    def ask(self, text: str) -> int:
        """The status of the answer."""
        body = {"sessionId": self._session, "message": text}
        headers = {"x-api-key": self._key, "x-request-id": f"id-{self._session}"}
        answer = requests.post(f"{self._server.url}/v1/chat", json=body, headers=headers, timeout=30)
        return answer.status_code

    @property
    def request_id(self) -> str:
        return f"id-{self._session}"


@every_api
def test_calls_of_any_name_and_id_are_taken_back(server, strict, api) -> None:
    visitor = Visitor(server, f"{api}")
    names = ["calculator", "functions.calculator", "<|channel|>commentary", "!", "look up", "x" * 99]
    assert [visitor.ask(f"call {name}") for name in names] == [200] * len(names)
    assert visitor.ask("Thanks") == 200
    assert strict.refusals == []
    assert len(strict.requests) == 2 * len(names) + 1


@every_api
def test_a_conversation_goes_on_however_its_turns_failed(server, strict, api) -> None:
    visitor = Visitor(server, f"{api}")
    failing = ["refuse", "half", "call calculator break", "call <|channel|>commentary break"]
    assert [visitor.ask(text) for text in failing] == [502] * len(failing)
    assert visitor.ask("Hello?") == 200
    assert [visitor.ask(text) for text in failing] == [502] * len(failing)
    assert visitor.ask("Still there?") == 200
    assert strict.refusals == []


@every_api
@pytest.mark.parametrize("text", ["refuse", "half", "call calculator break"])
def test_what_is_sent_does_not_grow_while_the_same_question_fails(server, strict, api, text) -> None:
    visitor = Visitor(server, f"{api}")
    visitor.ask("Hello")
    sizes = []
    for _ in range(6):
        strict.requests.clear()
        assert visitor.ask(text) == 502
        sizes.append(len(strict.requests[-1].data))
    assert len(set(sizes[1:])) == 1, sizes
    assert visitor.ask("Hello?") == 200
    assert strict.refusals == []


def test_a_step_without_tools_sees_the_calls_of_earlier_runs(server, strict) -> None:
    visitor = Visitor(server, "priced")
    assert [visitor.ask(f"What is {number} euros with tax?") for number in (40, 50, 60)] == [200] * 3
    assert strict.refusals == []
    last = strict.requests[-1].json
    assert [tool["function"]["name"] for tool in last["tools"]] == ["calculator"]
    assert last["tool_choice"] == "none"


@every_api
def test_a_server_that_takes_no_calls_back_is_told_of_them_in_words(server, strict, api) -> None:
    strict.tells_no_calls = True
    visitor = Visitor(server, f"{api}")
    assert [visitor.ask(text) for text in ("call calculator", "Thanks", "call calculator", "Bye")] == [200] * 4
    told = json.dumps(strict.requests[-1].json["messages"])
    assert "The tool calculator returned: 42" in told
    lines = [json.loads(line) for line in server.log_text().splitlines() if visitor.request_id in line]
    warned = [line for line in lines if "told in words" in line.get("message", "")]
    assert {(line["level"], line["model"], line["request_id"]) for line in warned} == {
        ("WARNING", f"{api}", visitor.request_id)
    }
    assert len(warned) == len(strict.refusals) == 5, "one for each request with calls"
