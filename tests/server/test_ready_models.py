"""What /ready says of models, over HTTP, while their servers refuse connections and when they answer again."""

import re
import socket
from collections.abc import Iterator

import pytest
import requests
from support.wires import WIRES

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import ModelServer
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
