"""What a failing model server looks like to callers: the same for every provider, on every wire, and no word of its.

Which problem a failure is, the provider decides; which words and which end a problem has, the wire: test_every_wire.py
has each problem on each. So each failure of each provider is played on one wire, and the wires take turns.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

import pytest
import requests
from support.wires import STREAMS, WIRES, every_wire

from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.model_server import CUT, LAST, RESET, SILENCE, ModelServer, chunk, head, streamed, whole
from app.testing.provider_apis import OPENAI, PROVIDER_APIS, ProviderApi
from app.testing.server import Server
from app.testing.wire_client import CREDENTIAL_KINDS, ERROR_MESSAGES, WireClient

WHOLE = [wire for wire in WIRES if not wire.streamed]
one_wire = pytest.mark.parametrize("wire", WIRES[:1], ids=repr)
KEY = "sk-never-to-be-seen"
SAID = "UPSTREAM-SAID-THIS"


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def relay(model_server, tmp_path_factory) -> Iterator[Server]:
    patient = "connect = 0.5"
    agents = {
        "": (f"{model_server.url}/v1", patient),
        "-hasty": (f"{model_server.url}/v1", "connect = 0.5, first_token = 0.6, between_tokens = 0.6, total = 1.2"),
        "-nowhere": ("http://127.0.0.1:1/v1", patient),
    }
    added = "".join(
        f"""
[models.{api}{end}]
provider = "{api}"
base_url = "{base}"
api_key_env = "MODEL_KEY"
model = "m-1"
timeouts = {{{timeouts}}}

[agents.{api}{end}]
model = "{api}{end}"
"""
        for api in PROVIDER_APIS
        for end, (base, timeouts) in agents.items()
    )
    home = tmp_path_factory.mktemp("relay")
    with Server(home, config=CONFIG + added, env={"MODEL_KEY": KEY}) as running:
        yield running


@pytest.fixture(scope="module")
def keys(relay) -> dict[tuple[str, str], str]:
    agents = [f"{api}{end}" for api in PROVIDER_APIS for end in ("", "-hasty", "-nowhere")]
    return {(kind, agent): relay.key(kind, agent) for kind in CREDENTIAL_KINDS for agent in agents}


@pytest.fixture
def caller(relay, keys, wire: WireClient, api: ProviderApi) -> Caller:
    return Caller(wire, relay, keys[wire.key_kind, f"{api}"])


@pytest.fixture
def hasty(relay, keys, wire: WireClient, api: ProviderApi) -> Caller:
    """Of an agent whose model is not waited for as long as usual."""
    return Caller(wire, relay, keys[wire.key_kind, f"{api}-hasty"])


every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


def in_turn(names: Iterable[str], wires: Sequence[WireClient]) -> pytest.MarkDecorator:
    """Each name with each provider once, on the next of the wires."""
    turn = cycle(wires)
    cases = [(name, api, next(turn)) for api in PROVIDER_APIS for name in names]
    return pytest.mark.parametrize(("name", "api", "wire"), cases, ids=repr)


def check_secrecy(raw: str) -> None:
    assert not re.search(rf"{SAID}|{KEY}|127\.0\.0\.1|Traceback|ModelError", raw), raw


STATUSES = {400: 502, 401: 502, 403: 502, 404: 502, 422: 502, 429: 503, 500: 502, 503: 503, 504: 504, 529: 503}
BEFORE = {
    **{
        f"{status}": (lambda s, status=status: whole(s.refusal(SAID), status), told)
        for status, told in STATUSES.items()
    },
    "a refusal that is a web page": (lambda _: whole(SAID.encode() * 999, 502, "text/html"), 502),
    "a refusal whose body never comes": (lambda _: [head(500), SILENCE], 502),
    "a redirect": (lambda _: whole(b"", 307, location=f"http://elsewhere/{SAID}"), 502),
    "cut": (lambda _: [CUT], 502),
    "reset": (lambda _: [RESET], 502),
    "no HTTP": (lambda _: [f"{SAID}\r\n\r\n".encode()], 502),
    "no answer at all": (lambda _: [SILENCE], 504),
    "a stream that is cut before its first token": (lambda _: [head(), CUT], 502),
    "a stream that ends before its first token": (lambda _: [head(), LAST], 502),
    "an error in the place of the first token": (lambda s: [*streamed(s.begin, s.error(SAID)), LAST], 502),
    "nonsense in the place of the first token": (lambda _: [*streamed(b"data: " + SAID.encode() + b"\n\n"), LAST], 502),
}


@in_turn(BEFORE, WIRES)
def test_before_the_first_byte_a_failure_is_a_status_in_the_wires_words(model_server, caller, hasty, api, name) -> None:
    answer, status = BEFORE[name]
    caller = hasty if status == 504 else caller
    model_server.play(answer(api))
    question = f"before {caller.wire} {api} {name}"
    response = caller.ask(question)
    caller.wire.check_error(response, status)
    check_secrecy(f"{response.headers}{response.text}")
    answered = caller.stored(question)[-1]
    assert (answered["status"], answered["parts"], answered["finish_reason"]) == ("failed", [], "error")
    assert KEY in f"{model_server.requests[0].headers}", "it did go out with the question"


@every_api
def test_a_key_that_its_server_repeats_is_in_no_log(model_server, relay, keys, api) -> None:
    question = {"prompt": "Hi"}
    mark = f"{SAID}-{api}"
    for answer in (
        whole(api.refusal(f"{mark}-401 {KEY}"), 401),
        [*streamed(api.error(f"{mark}-200 {KEY}")), LAST],
    ):
        model_server.play(answer)
        headers = {"Authorization": f"Bearer {keys['secret', str(api)]}"}
        assert requests.post(f"{relay.url}/api/chat", json=question, headers=headers, timeout=20).status_code == 502
    log = (relay.home / "log").read_text()
    assert f"{mark}-401 [key]" in log
    assert f"{mark}-200 [key]" in log
    assert KEY not in log


@one_wire
@every_api
def test_a_server_that_cannot_be_reached_is_a_status(relay, keys, wire, api) -> None:
    response = Caller(wire, relay, keys[wire.key_kind, f"{api}-nowhere"]).ask("Hi")
    wire.check_error(response, 502)
    check_secrecy(response.text)


@every_wire
def test_when_to_come_again_is_passed_on_by_every_wire(model_server, relay, keys, wire) -> None:
    model_server.play(whole(OPENAI.refusal(SAID), 429, retry_after="20"))
    response = Caller(wire, relay, keys[wire.key_kind, f"{OPENAI}"]).ask("Hi")
    wire.check_error(response, 503)
    assert response.headers["Retry-After"] == "20"


@one_wire
@every_api
@pytest.mark.parametrize(("status", "seconds"), [(429, "20"), (503, "20"), (503, "19.2")])
def test_when_to_come_again_is_passed_on(model_server, caller, api, status, seconds) -> None:
    model_server.play(whole(api.refusal(SAID), status, retry_after=seconds))
    response = caller.ask("Hi")
    caller.wire.check_error(response, 503)
    assert response.headers["Retry-After"] == "20"
    assert len(model_server.requests) == 1, "who is told to wait so long does not ask again himself"


@one_wire
@every_api
@pytest.mark.parametrize("status", [429, 503, 529])
def test_where_the_server_does_not_say_when_to_come_again_a_little_later_is_told(
    model_server, caller, api, status
) -> None:
    model_server.play(whole(api.refusal(SAID), status))
    response = caller.ask("Hi")
    caller.wire.check_error(response, 503)
    assert response.headers["Retry-After"] == "5"


AFTER = {
    "cut": (lambda _: [CUT], 502),
    "reset": (lambda _: [RESET], 502),
    "cut in a chunk": (lambda s: [chunk(s.text("never"))[:30], CUT], 502),
    "a clean end too early": (lambda _: [LAST], 502),
    "an error of its own": (lambda s: [chunk(s.error(SAID)), LAST], 502),
    "no JSON": (lambda _: [chunk(f"data: {SAID}\n\n".encode()), LAST], 502),
    "JSON of another kind": (lambda _: [chunk(f'data: ["{SAID}"]\n\n'.encode()), LAST], 502),
    "chunks that are none": (lambda _: [f"{SAID}\r\n".encode(), SILENCE], 502),
    "silence": (lambda _: [SILENCE], 504),
    "pings and no token": (lambda s: [chunk(s.ping), 0.05] * 99, 504),
    "tokens without end": (lambda s: [chunk(s.text("")), 0.05] * 99, 504),
}


@in_turn(AFTER, STREAMS)
def test_after_the_first_byte_a_failure_is_the_wires_error_and_its_end(model_server, caller, hasty, api, name) -> None:
    answer, status = AFTER[name]
    caller = hasty if status == 504 else caller
    model_server.play([*streamed(api.begin, api.text("so "), api.text("far"), 0.1), *answer(api)])
    question = f"after {caller.wire} {api} {name}"
    response = caller.ask(question)
    assert response.status_code == 200
    told = caller.wire.decode(response.content)
    assert (told.text, told.ended, told.error) == ("so far", True, ERROR_MESSAGES[status])
    check_secrecy(response.text)
    answered = caller.stored(question)[-1]
    assert (answered["status"], answered["text"], answered["finish_reason"]) == ("failed", "so far", "error")
    assert len(model_server.requests) == 1, "never again after the first byte"


@in_turn(AFTER, WHOLE)
def test_without_streaming_a_failure_in_mid_answer_is_a_status(model_server, caller, hasty, api, name) -> None:
    answer, status = AFTER[name]
    caller = hasty if status == 504 else caller
    model_server.play([*streamed(api.begin, api.text("so "), api.text("far"), 0.1), *answer(api)])
    question = f"after {caller.wire} {api} {name}"
    response = caller.ask(question)
    caller.wire.check_error(response, status)
    check_secrecy(response.text)
    answered = caller.stored(question)[-1]
    assert (answered["status"], answered["text"]) == ("failed", "so far")


@in_turn(["before the first token", "between two tokens"], STREAMS)
def test_pings_upstream_do_not_hide_the_silence_from_the_caller(model_server, hasty, api, name) -> None:
    first = name == "between two tokens"
    said = [api.text("so far")] if first else []
    model_server.play(streamed(api.begin, *said, *[api.ping, 0.05] * 99))
    told = hasty.wire.decode(hasty.ask("Hi").content)
    assert (told.ended, told.error, told.text) == (True, ERROR_MESSAGES[504], "so far" if first else "")
    assert first <= told.keep_alives <= 2, "one after each 0.3 s of the 0.6 s that are waited for a token"


@one_wire
@every_api
def test_tokens_do_not_come_for_longer_than_the_total(model_server, hasty, api) -> None:
    model_server.play(streamed(api.begin, *[api.text("x"), 0.1] * 60))
    told = hasty.wire.decode(hasty.ask("Hi").content)
    assert (told.ended, told.error) == (True, ERROR_MESSAGES[504])
    assert 7 <= len(told.tokens) <= 13, "ten a second for 1.2 s"


@every_wire
@every_api
def test_after_all_that_an_answer_is_an_answer(model_server, caller, api) -> None:
    model_server.play(api.answer("so ", "good"))
    assert caller.wire.decode(caller.ask("Hi").content).text == "so good"
