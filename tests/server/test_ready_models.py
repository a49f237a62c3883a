"""What /ready says of models, over HTTP, while their servers refuse connections and when they answer again."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests
from support.wires import WIRES

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import ModelServer, whole
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually

CIRCUIT_SECONDS = 1.5
CHANGES = {"circuit_failures = 1000000": f"circuit_failures = 2\ncircuit_seconds = {CIRCUIT_SECONDS}"}
PASSED_OVER = re.compile(r"passed over for [12] s")
WIRE = WIRES[1]  # whole answers, so that a status tells


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A port that refuses connections until it is closed, and that nobody else gets."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept


@pytest.fixture
def relay(start, port) -> Server:
    added = f"""
[models.lost]
provider = "openai"
base_url = "http://127.0.0.1:{port.getsockname()[1]}/v1"
model = "m-1"

[agents.lost]
model = "lost"

[agents.careful]
model = ["lost", "scripted"]
"""
    return start(config=CONFIG + added, changes=CHANGES)


@pytest.fixture
def callers(relay) -> tuple[Caller, Caller]:
    """Of the agent that has one model, and of the one that has two."""
    return Caller(WIRE, relay, relay.key("secret", "lost")), Caller(WIRE, relay, relay.key("secret", "careful"))


def models(relay: Server) -> dict[str, str]:
    """Also checks that models never make the server unready."""
    answer = requests.get(f"{relay.url}/ready", timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    found: dict[str, str] = answer.json()["checks"]["models"]
    assert found.keys() == {"scripted", "builtin", "lost"}
    assert (found["scripted"], found["builtin"]) == ("ok", "ok")
    return found


def until_tried_again(relay: Server) -> None:
    eventually(lambda: models(relay)["lost"] == "ok", CIRCUIT_SECONDS + 1)


SAID = {  # as servers are reported to say it: docs/models.md
    401: {"message": "Incorrect API key provided"},
    402: {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"},
    403: {"code": "unsupported_country_region_territory", "message": "Country, region, or territory not supported"},
    404: {"code": "model_not_found", "message": "The model `m-1` does not exist"},
    412: {"message": "Account suspended"},
    413: {"message": "Request too large: tokens per minute (TPM): Limit 6000, Requested 7000"},
    429: {"code": "insufficient_quota", "message": "You exceeded your current quota"},
    451: {"message": "Unavailable for legal reasons"},
    529: {"message": "Overloaded"},
    400: {"code": "context_length_exceeded", "message": "This model's maximum context length is 4096 tokens."},
}


def test_a_servers_own_trouble_sends_the_question_on_and_counts_but_for_a_prompt_that_is_too_long(start) -> None:
    with ExitStack() as servers:
        upstreams = {status: servers.enter_context(ModelServer()) for status in SAID}
        added = ""
        for status, upstream in upstreams.items():
            upstream.play(whole(json.dumps({"error": SAID[status]}).encode(), status))
            model = f'provider = "openai"\nbase_url = "{upstream.url}/v1"\nmodel = "m-1"'
            added += f'[models.m{status}]\n{model}\n[agents.a{status}]\nmodel = ["m{status}", "scripted"]\n'
        relay = start(config=CONFIG + added, changes=CHANGES)
        for status, upstream in upstreams.items():
            caller = Caller(WIRE, relay, relay.key("secret", f"a{status}"))
            for _ in range(4):
                assert WIRE.decode(caller.ask("Hi").content).text == "Hello"
            said = requests.get(f"{relay.url}/ready", timeout=5).json()["checks"]["models"][f"m{status}"]
            asked = len(upstream.requests)
            assert (asked, said) == (4, "ok") if status == 400 else (asked == 2 and PASSED_OVER.fullmatch(said)), status


def test_a_model_is_passed_over_while_nobody_listens_and_used_again_when_somebody_does(relay, port, callers) -> None:
    lost, careful = callers
    assert models(relay)["lost"] == "ok"

    WIRE.check_error(lost.ask("Hi"), 502)  # tried twice
    assert PASSED_OVER.fullmatch(models(relay)["lost"])
    refused = lost.ask("Hi")
    WIRE.check_error(refused, 503)
    assert refused.headers["Retry-After"] in ("1", "2")
    assert WIRE.decode(careful.ask("Hi").content).text == "Hello", "the other model of its list answers"

    until_tried_again(relay)
    WIRE.check_error(lost.ask("Hi"), 502)
    assert PASSED_OVER.fullmatch(models(relay)["lost"]), "one failure more is enough"

    address = port.getsockname()
    port.close()
    with ModelServer(at=address) as upstream:
        upstream.play(OPENAI.answer("found"))
        WIRE.check_error(lost.ask("Hi"), 503)
        assert upstream.requests == [], "nobody asks before the time is up"
        until_tried_again(relay)
        for caller in (lost, careful, lost):
            assert WIRE.decode(caller.ask("Hi").content).text == "found"
            assert models(relay)["lost"] == "ok"
        assert len(upstream.requests) == 3
    assert models(relay)["lost"] == "ok", "nobody is asked for the sake of /ready"
    WIRE.check_error(lost.ask("Hi"), 502)
    assert PASSED_OVER.fullmatch(models(relay)["lost"]), "the count began anew, and a question is tried twice"
