"""Requests that are made of the document, good ones and bad ones: whatever is sent, the answer is a described one."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from math import ceil
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.chat_wires import user_of
from support.openapi_document import OpenApiDocument
from support.users import Person, anywhere
from support.visitors import id_of, signed

from app.settings.checks import WIRES
from app.testing.server import Server, script

EXAMPLES = 20  # of random requests for each operation
COVERING = 40  # at most, of those that cover its bounds; few operations have more
CHECKED = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    unlimited = '[limits]\nthings = "100000/minute"'
    confirm = '[agents.open.client_tools.confirm]\ndescription = "Asks for a yes."\n'
    with Server(tmp_path_factory.mktemp("schemathesis"), changes={"[limits]": f"{confirm}\n{unlimited}"}) as running:
        yield running


@pytest.fixture(scope="module")
def described(server) -> OpenApiDocument:
    return OpenApiDocument(server)


@pytest.fixture(scope="module")
def credentials(server) -> Mapping[str, Mapping[str, str]]:
    """By wire, the headers of someone who may use it; of things each operation has a session, since one ends it."""
    secret = {"Authorization": f"Bearer {server.key('secret')}"}
    return {
        "agents": secret,
        "chats": {"Cookie": f"parlance_session={server.key('session')}"},
        "messages": secret,
        "openai": secret,
        "responses": secret,
        "widget": {"x-api-key": server.key("widget")},
        "workers": secret,
    }


def with_session(server: Server) -> dict[str, str]:
    """The headers of a user who has just signed in for things."""
    token = requests.post(f"{server.url}/login", json=Person.new(server).account(), timeout=30).json()["token"]
    return {"Authorization": f"Bearer {token}"}


def known_places(  # noqa: PLR0911 - one for each wire
    server: Server, wire: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    """What this caller has made just now, by the names of path parameters and of fields."""

    def post(path: str, body: Any) -> Any:
        return requests.post(f"{server.url}{path}", json=body, headers=headers, timeout=30).json()

    match wire:
        case "agents":
            question = {"message": script({"call": "confirm"}), "userId": "u", "stream": False}
            asked = post("/api/v2/agents/open/chat", question)["data"]
            conversation, call = asked["metadata"]["conversationId"], asked["parts"][0]["toolCallId"]
            named = {"conversationId": conversation, "messageId": asked["id"], "toolCallId": call}
            position = {"Last-Event-ID": f"{asked['id'].removeprefix('msg_')}.0"}
            return {"agentId": "open", "userId": "u", "chatId": conversation, **named, **position}
        case "chats":
            user = user_of(server.url, headers["Cookie"].partition("=")[2])["id"]
            chat, plan = post("/api/chats", {})["id"], {"name": "Say", "steps": [{"id": "a", "say": "{{ input }}"}]}
            workflow = post("/api/workflows", plan)["id"]
            asked = {"content": "Hello", "modelId": "scripted", "userId": user, "workflowId": workflow}
            run = post(f"/api/chats/{chat}/messages", asked)["workflowRunId"]
            return {"userId": user, "chatId": chat, "workflowId": workflow, "runId": run, "modelId": "scripted"}
        case "things":
            return {"thingId": post("/stuff", {"name": "Number"})["id"]}
        case "widget":
            secret = server.flask("keys", "visitor-secret", id_of(server, headers["x-api-key"])).stdout.strip()
            visitor = {"x-visitor": signed(secret, "ada", time.time() + 3600)}
            asked = {"sessionId": "said-before", "message": "Hello"}
            sent = requests.post(f"{server.url}/v1/chat", json=asked, headers={**headers, **visitor}, timeout=30).json()
            return {**visitor, "sessionId": "said-before", "messageId": sent["messageId"]}
        case "openai" | "messages":
            path = "/v1/messages" if wire == "messages" else "/v1/chat/completions"
            said = [{"role": "user", "content": "Hello"}]
            asked = {"model": "open", "max_tokens": 10, "messages": said, "stream": True}
            said = requests.post(f"{server.url}{path}", json=asked, headers=headers, timeout=30)
            return {"Last-Event-ID": f"{said.headers['X-Turn-Id']}.0", "name": "open", "model": "open"}
        case "responses":
            asked = {"model": "open", "input": "Hello"}
            said = requests.post(f"{server.url}/v1/responses", json=asked, headers=headers, timeout=30).json()
            heeded = {"instructions": "", "tools": [], "tool_choice": "auto", "text": {}, "include": []}
            never = dict.fromkeys(("max_tool_calls", "prompt", "conversation", "top_logprobs"))
            return {**asked, **heeded, **never, "response_id": said["id"], "previous_response_id": said["id"]}
        case "workers":
            said = requests.post(f"{server.url}/api/chat", json={"prompt": "Hello"}, headers=headers, timeout=30)
            return {"Last-Event-ID": f"{said.headers['X-Turn-Id']}.0"}
    return {}


@pytest.mark.parametrize("wire", [*WIRES, "server"])
def test_whatever_is_sent_the_answer_is_as_described(server, described, credentials, wire, record_property) -> None:
    schema = schemathesis.openapi.from_dict(described.document)
    schema.config.update(base_url=server.url)
    schema.config.phases.coverage.unexpected_methods = set()  # 405, as the document says of all paths at once
    met: dict[str, Counter[int]] = {}
    for (method, path), operation in described.operations.items():
        if wire in operation["tags"]:
            headers: Mapping[str, str] = {}
            if operation.get("security"):
                headers = with_session(server) if wire == "things" else credentials[wire]
            places = known_places(server, wire, headers) if headers else Person.new(server).account()
            sender = Sender(described, schema[path][method], headers, places)
            sender.send_covering()
            sender.send_random()
            met[f"{method} {path}"] = sender.met
    for operation, statuses in met.items():
        listed = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        record_property("told", f"{statuses.total():5} requests: {operation}: {listed}")
    assert all(any(status < 300 for status in each) for each in met.values()), met


class Sender:
    """Requests to one operation; `met` counts the statuses that they met with. `places` are put where a request has a
    place for them, so that not all of it leads nowhere."""

    def __init__(
        self, described: OpenApiDocument, operation: Any, headers: Mapping[str, str], places: Mapping[str, Any]
    ) -> None:
        self.met: Counter[int] = Counter()
        self._described, self._operation, self._places = described, operation, places
        typed = {} if operation.method.upper() == "GET" else {"Content-Type": "application/json"}
        self._headers = {**typed, **headers}

    def send_covering(self) -> None:
        """Each bound of each parameter and field, on both sides of it."""
        config = self._operation.schema.config.generation_for(operation=self._operation, phase="coverage")
        cases = list(
            self._operation.schema.iter_coverage_cases(
                self._operation, generation_modes=list(GenerationMode), generation_config=config
            )
        )
        for case in cases[:: ceil(len(cases) / COVERING)]:
            self._fill(case, without=case.meta.phase.data.parameter_location)
            self._send(case)

    def send_random(self) -> None:
        made = st.one_of(*(self._operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=made, known=st.booleans())
        def send(case: Any, known: bool) -> None:
            if known:
                self._fill(case)
            self._send(case)

        send()

    def _fill(self, case: Any, without: ParameterLocation | None = None) -> None:
        """With the known places, but for that of which the case is about."""
        containers = {
            ParameterLocation.PATH: case.path_parameters,
            ParameterLocation.HEADER: case.headers,
            ParameterLocation.BODY: case.body,
        }
        for location, found in containers.items():
            if location is not without and isinstance(found, MutableMapping):
                found.update({name: value for name, value in self._places.items() if name in found})

    def _send(self, case: Any) -> None:
        with anywhere() as http:  # from an address of its own: few may sign in from one
            response = case.call(session=http, headers=self._headers, timeout=30)
        case.validate_response(response, checks=CHECKED)
        status, content_type = response.status_code, response.headers.get("content-type", [None])[0]
        self._described.check_answer(
            self._operation.method, case.formatted_path, status, content_type, response.content
        )
        self.met[status] += 1
