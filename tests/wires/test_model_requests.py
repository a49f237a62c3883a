"""What a request to a model's server carries of its caller's, and what the log tells of one that failed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.wires import WIRES, every_wire

from app import VERSION
from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import CUT, SILENCE, Action, ModelServer, Request, streamed, whole
from app.testing.provider_apis import ANTHROPIC, OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import Server, eventually
from app.testing.wire_client import CREDENTIAL_KINDS, ERROR_MESSAGES, WireClient

KEY = "sk-never-to-be-seen"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WHOLE = WIRES[1]
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def relay(model_server, tmp_path_factory) -> Iterator[Server]:
    added = "".join(
        f"""
[models.{api}]
provider = "{api}"
base_url = "{model_server.url}/v1"
api_key_env = "MODEL_KEY"
model = "m-1"
timeouts = {{connect = 0.5, first_token = 0.6}}

[agents.{api}]
model = "{api}"
"""
        for api in PROVIDER_APIS
    )
    own = """
[models.own]
provider = "openai"
base_url = "http://127.0.0.1:PORT/v1"
model = "m-1"
headers = { "user-agent" = "Mozilla", "X-Request-Id" = "always", "content-type" = "application/json; charset=utf-8" }

[agents.own]
model = "own"

[models.nowhere]
provider = "openai"
base_url = "http://127.0.0.1:1/v1"
model = "m-1"

[agents.several]
model = ["nowhere", "openai"]
""".replace("PORT", str(model_server.port))
    home = tmp_path_factory.mktemp("relay")
    with Server(home, config=CONFIG + added + own, env={"MODEL_KEY": KEY}) as running:
        yield running


@pytest.fixture(scope="module")
def keys(relay) -> dict[tuple[str, str], str]:
    kinds = {(kind, "openai") for kind in CREDENTIAL_KINDS} | {(WHOLE.key_kind, "anthropic")}
    kinds |= {(WHOLE.key_kind, agent) for agent in ("own", "several")}
    return {(kind, agent): relay.key(kind, agent) for kind, agent in kinds}


@pytest.fixture
def caller_of(relay, keys):
    return lambda wire, agent: Caller(wire, relay, keys[wire.key_kind, f"{agent}"])


def lines(relay: Server, message: str, request_id: str, number: int = 1) -> list[dict]:
    """The log's lines about the request, as soon as there are so many."""

    def found() -> list[dict] | None:
        here = [line for line in relay.log(message) if line.get("request_id") == request_id]
        return here if len(here) >= number else None

    return eventually(found)


@every_wire
def test_a_request_to_a_model_names_parlance_the_callers_request_and_its_place_in_a_trace(
    model_server, caller_of, wire: WireClient
) -> None:
    model_server.play(OPENAI.answer("x"))
    trace = {"traceparent": PARENT, "tracestate": "a=b"}
    response = caller_of(wire, OPENAI).ask("Hi", {"x-request-id": f"mine-{wire}".replace(" ", "-"), **trace})
    sent = model_server.wait_for_request().headers
    assert sent["user-agent"] == f"Parlance/{VERSION}"
    assert sent["x-request-id"] == response.headers["x-request-id"]
    assert (sent["traceparent"], sent["tracestate"]) == (PARENT, "a=b")


@every_api
def test_no_trace_and_no_nonsense_is_passed_on(model_server, caller_of, api: ProviderApi) -> None:
    for headers in ({}, {"traceparent": "nonsense", "tracestate": "a=b"}):
        model_server.play(api.answer("x"))
        caller_of(WHOLE, api).ask("Hi", headers)
        sent = model_server.wait_for_request().headers
        assert not {"traceparent", "tracestate"} & sent.keys()
        assert sent["x-request-id"]


def test_configured_headers_replace_parlances_own_however_they_are_spelled(model_server, caller_of) -> None:
    model_server.play(OPENAI.answer("x"))
    caller_of(WHOLE, "own").ask("Hi")
    sent = model_server.wait_for_request().headers
    assert (sent["user-agent"], sent["x-request-id"]) == ("Mozilla", "always")
    assert sent["content-type"] == "application/json; charset=utf-8"


def test_two_requests_that_run_at_once_have_ids_of_their_own_though_their_callers_have_one(
    model_server, caller_of
) -> None:
    """vllm-project/vllm#10583: it takes the header for its own id, of which no two may run."""
    model_server.play([0.5, *OPENAI.answer("x")])
    caller = caller_of(WHOLE, OPENAI)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: caller.ask("Hi", {"x-request-id": "one-for-all"}), range(3)))
    ids = sorted(request.headers["x-request-id"] for request in model_server.requests)
    assert ids == ["one-for-all", "one-for-all-2", "one-for-all-3"]
    model_server.play(OPENAI.answer("x"))
    caller.ask("Hi", {"x-request-id": "one-for-all"})
    assert model_server.wait_for_request().headers["x-request-id"] == "one-for-all", "it is free again"


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 5},
        {"top_p": 0},
        {"temperature": 0.7, "top_p": 0.9},
        {"seed": 2**63 - 1},
        {"max_tokens": 1_000_000},
    ],
    ids=str,
)
@every_api
def test_a_callers_valid_option_never_makes_the_answer_fail(
    model_server, relay, keys, api: ProviderApi, options
) -> None:
    """Of a model of which nothing is known, at a server that takes no option at all."""

    def strict(request: Request) -> Sequence[Action]:
        known = {"model", "messages", "stream", "stream_options"} | ({"max_tokens"} if api is ANTHROPIC else set())
        unknown = request.json.keys() - known
        return whole(api.refusal(f"What is {unknown}?"), 400) if unknown else api.answer("x")

    model_server.requests.clear()
    model_server.always = strict
    headers = {"Authorization": f"Bearer {keys[WHOLE.key_kind, repr(api)]}"}
    body = {"prompt": "Hi", "stream": False, **options}
    answer = requests.post(f"{relay.url}/api/chat", json=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json().get("response")) == (200, "x")


FAILURES = {  # what the server does, and what the line says
    "a refusal": (
        lambda api: whole(api.refusal(f"no, {KEY}"), 403, **{"x-request-id": "server-1"}),
        {
            "reason": "answered 403",
            "status": 403,
            "server_request_id": "server-1",
            "kind": "standing",
            "phase": "refusal",
        },
    ),
    "no head": (lambda _: [SILENCE], {"reason": "no head within 1.1 s", "phase": "head", "kind": "passing"}),
    "no token": (lambda _: [*streamed(b": ping\n\n"), SILENCE], {"reason": "silent for 0.6 s", "phase": "first_chunk"}),
    "a cut": (lambda _: [CUT], {"reason": "cannot be reached: the server hung up", "phase": "head"}),
    "a page": (lambda _: whole(b"<html>"), {"phase": "first_chunk"}),
    "an error in mid-stream": (
        lambda api: [*streamed(api.error(f"no, {KEY}")), CUT],
        {"reason": "reported an error in mid-stream", "phase": "first_chunk"},
    ),
    "an error in mid-answer": (
        lambda api: [*streamed(api.begin, api.text("x"), 0.1, api.error(f"no, {KEY}")), CUT],
        {"reason": "reported an error in mid-stream", "phase": "rest"},
    ),
}


SLOW = ("no head", "no token")


@pytest.mark.timed
@every_api
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_a_line_that_says_what_failed_and_by_which_ids_it_is_found(
    model_server, relay, caller_of, api: ProviderApi, name
) -> None:
    answer, said = FAILURES[name]
    model_server.play(answer(api))
    caller = caller_of(WHOLE, api)
    request_id = caller.ask("Hi", {"x-request-id": f"failed-{api}-{name.replace(' ', '-')}"}).headers["x-request-id"]
    line = lines(relay, "model failed", request_id)[-1]
    assert {field: line[field] for field in said} == said
    assert (line["level"], line["model"]) == ("WARNING", f"{api}")
    assert 0 <= line["head_seconds"] <= line["seconds"] < 5
    (turn,) = lines(relay, "turn", request_id)
    assert (turn["outcome"], turn["reason"]) == ("failed", ERROR_MESSAGES[504 if name in SLOW else 502])
    assert KEY not in str(relay.log("model failed"))
    if name == "a refusal":
        assert "no, [key]" in line["said"]


def test_each_try_has_a_line_of_its_own_and_the_turn_says_how_long_each_phase_took(
    model_server, relay, caller_of
) -> None:
    model_server.play(whole(OPENAI.refusal("busy"), 503), OPENAI.answer("x"))
    request_id = caller_of(WHOLE, "several").ask("Hi").headers["x-request-id"]
    unreachable, busy = lines(relay, "model failed", request_id, 2)
    assert (unreachable["model"], unreachable["phase"]) == ("nowhere", "connect")
    assert unreachable["reason"].startswith("cannot be reached: ")
    assert (busy["model"], busy["status"]) == ("openai", 503)
    (turn,) = lines(relay, "turn", request_id)
    assert (turn["model"], turn["outcome"]) == ("openai", "complete")
    assert 0 <= turn["first_chunk_seconds"] < turn["seconds"]
    assert 0 <= turn["head_seconds"] < turn["seconds"]


def test_a_new_connection_is_told_in_its_phases(model_server, relay, caller_of) -> None:
    model_server.play([*streamed(ANTHROPIC.begin, ANTHROPIC.text("x")), CUT], ANTHROPIC.answer("x"))
    caller = caller_of(WHOLE, ANTHROPIC)
    caller.ask("Hi")
    request_id = caller.ask("Hi").headers["x-request-id"]
    (turn,) = lines(relay, "turn", request_id)
    assert {"name_seconds", "connect_seconds", "head_seconds", "first_chunk_seconds"} <= turn.keys()
    assert "tls_seconds" not in turn
