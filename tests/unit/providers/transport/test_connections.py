"""Connections to model servers: used again, found closed, kept in a number, encrypted."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import pytest

from app.engine.errors import ModelError, Problem
from app.engine.events import TextDelta
from app.providers.transport.connections import IDLE_SECONDS, MOST_IDLE
from app.testing.model_server import CUT, RESET, SILENCE, ModelServer, Request, head, make_certificate, streamed, whole
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi, chunks_of, close_idle_connections, make_prompt
from app.testing.server import allow_open_files

every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


def says_x(model) -> None:
    assert chunks_of(model)[0] == TextDelta("x")


def refusal(model) -> ModelError:
    with pytest.raises(ModelError) as raised:
        chunks_of(model)
    return raised.value


@every_api
def test_one_connection_serves_one_answer_after_the_other(upstream, api: ProviderApi) -> None:
    upstream.play(api.answer("x"))
    model = api.model(upstream.url)
    for _ in range(5):
        says_x(model)
    assert [request.connection for request in upstream.requests] == [1] * 5


@every_api
def test_answers_at_the_same_time_have_a_connection_each(upstream, api: ProviderApi) -> None:
    upstream.play(api.answer("x"))
    model = api.model(upstream.url)
    first, second = (iter(model.open(make_prompt(), 5)) for _ in range(2))
    assert next(first) == next(second)
    assert {request.connection for request in upstream.requests} == {1, 2}
    assert [*first, *second]


@every_api
def test_a_connection_is_used_again_where_so_many_are_open_that_select_cannot_look(upstream, api: ProviderApi) -> None:
    upstream.play(api.answer("x"))
    model = api.model(upstream.url)
    with allow_open_files(4096), contextlib.ExitStack() as opened:
        for _ in range(1024):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        for _ in range(2):
            says_x(model)
    assert [request.connection for request in upstream.requests] == [1, 1]


@every_api
@pytest.mark.parametrize("ending", [CUT, RESET], ids=["closed", "reset"])
def test_an_idle_connection_that_the_server_closed_is_replaced(upstream, api: ProviderApi, ending) -> None:
    over = threading.Event()
    upstream.play([*api.answer("x"), over, ending], api.answer("x"))
    model = api.model(upstream.url)
    says_x(model)
    over.set()
    assert upstream.wait_for_request().closed.wait(5)
    says_x(model)
    assert [request.connection for request in upstream.requests] == [1, 2]


@every_api
def test_a_connection_that_dies_as_it_is_used_again_is_replaced_once(upstream, api: ProviderApi) -> None:
    model = api.model(upstream.url)
    upstream.play(api.answer("x"), [CUT], api.answer("x"))
    says_x(model)
    says_x(model)
    assert [request.connection for request in upstream.requests] == [1, 1, 2]
    upstream.play([CUT])
    assert refusal(model).problem is Problem.UPSTREAM_FAILED
    assert [request.connection for request in upstream.requests] == [2, 3], "the new one's end is the answer"


def was_closed(upstream: ModelServer, connection: int) -> bool:
    last = [request for request in upstream.requests if request.connection == connection][-1]
    return last.closed.wait(5)


def leaves_two_idle(model) -> None:
    """Connections 1 and 2."""
    streams = [model.open(make_prompt(), 5) for _ in range(2)]
    assert all(list(stream) for stream in streams)


@every_api
def test_a_connection_that_was_idle_for_long_is_closed_and_not_used_again(upstream, monkeypatch, api) -> None:
    real = time.monotonic

    def passed(seconds: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: real() + seconds)

    upstream.play(api.answer("x"))
    model = api.model(upstream.url)
    leaves_two_idle(model)
    passed(0.8 * IDLE_SECONDS)
    says_x(model)
    passed(1.6 * IDLE_SECONDS)
    says_x(model)
    used = [request.connection for request in upstream.requests]
    assert used == [1, 2, used[2], used[2]]
    assert was_closed(upstream, 3 - used[2]), "the other one"
    passed(2.7 * IDLE_SECONDS)
    says_x(model)
    assert upstream.requests[-1].connection == 3
    assert was_closed(upstream, used[2])


@every_api
def test_where_an_idle_connection_is_dead_those_that_were_idle_for_longer_are_not_tried(upstream, api) -> None:
    def answer(request: Request) -> list:
        again = len([known for known in upstream.requests if known.connection == request.connection]) > 1
        return [SILENCE] if again else api.answer("x")

    upstream.always = answer
    model = api.model(upstream.url, timeouts={"connect": 0.5, "first_token": 0.5})
    leaves_two_idle(model)
    assert refusal(model).problem is Problem.UPSTREAM_TIMEOUT
    says_x(model)
    assert upstream.requests[-1].connection == 3
    assert was_closed(upstream, 1)
    assert was_closed(upstream, 2)


@every_api
def test_a_server_that_wants_to_close_is_not_asked_again_on_that_connection(upstream, api: ProviderApi) -> None:
    upstream.play([head(connection="close"), *[b"", CUT]], api.answer("x"))
    model = api.model(upstream.url)
    refusal(model)
    says_x(model)
    upstream.play(whole(api.refusal("no"), 500, connection="close"), api.answer("x"))
    refusal(model)
    says_x(model)
    assert len({request.connection for request in upstream.requests}) == 2


@every_api
@pytest.mark.parametrize("read", [0, 1], ids=["unread", "read a little"])
def test_a_stream_that_is_closed_too_early_gives_no_connection_back(upstream, api: ProviderApi, read) -> None:
    upstream.play([*streamed(api.begin, api.text("x")), SILENCE], api.answer("x"))
    model = api.model(upstream.url)
    stream = model.open(make_prompt(), 5)
    batches = iter(stream)
    for _ in range(read):
        assert next(batches) == [TextDelta("x")]
    stream.close()
    assert list(batches) == []
    assert upstream.requests[0].closed.wait(1)
    says_x(model)
    assert [request.connection for request in upstream.requests][-1] == 2


@every_api
def test_no_more_than_the_most_idle_connections_are_kept(upstream, api: ProviderApi) -> None:
    upstream.play(api.answer("x"))
    model, more = api.model(upstream.url), 5
    for _ in range(2):
        streams = [model.open(make_prompt(), 5) for _ in range(MOST_IDLE + more)]
        for stream in streams:
            assert len(list(stream)) > 0
    first, second = upstream.requests[: MOST_IDLE + more], upstream.requests[MOST_IDLE + more :]
    kept = {request.connection for request in first} & {request.connection for request in second}
    assert len(kept) == MOST_IDLE
    assert [request.closed.wait(1) for request in first if request.connection not in kept] == [True] * more


@every_api
def test_a_broken_stream_among_many_costs_no_other_its_connection(upstream, api: ProviderApi) -> None:
    model = api.model(upstream.url)
    upstream.play([*streamed(api.begin, api.text("x")), SILENCE], api.answer("x"))
    broken = model.open(make_prompt(), 5)
    others = [model.open(make_prompt(), 5) for _ in range(5)]
    broken.close()
    assert [len(list(stream)) > 0 for stream in others] == [True] * 5
    for stream in [model.open(make_prompt(), 5) for _ in range(5)]:
        list(stream)
    assert {request.connection for request in upstream.requests} == {1, 2, 3, 4, 5, 6}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def encrypted(certificate) -> Iterator[ModelServer]:
    with ModelServer(certificate) as running:
        yield running
    close_idle_connections()


@every_api
def test_tls_is_spoken_with_a_server_whose_authority_is_configured(encrypted, certificate, api: ProviderApi) -> None:
    encrypted.play(api.answer("x"))
    model = api.model(f"{encrypted.url}/v1", ca_file=str(certificate))
    says_x(model)
    says_x(model)
    assert [request.connection for request in encrypted.requests] == [1, 1]


@every_api
def test_a_server_of_an_unknown_authority_is_not_trusted(encrypted, tmp_path, api: ProviderApi) -> None:
    encrypted.play(api.answer("x"))
    other = make_certificate(tmp_path, "other")
    assert refusal(api.model(encrypted.url)).problem is Problem.UPSTREAM_FAILED
    assert refusal(api.model(encrypted.url, ca_file=str(other))).problem is Problem.UPSTREAM_FAILED
    assert encrypted.requests == [], "neither question nor key was sent"


@every_api
def test_a_certificate_for_another_name_is_not_trusted(encrypted, certificate, api: ProviderApi) -> None:
    encrypted.play(api.answer("x"))
    url = encrypted.url.replace("localhost", "127.0.0.1")
    assert refusal(api.model(url, ca_file=str(certificate))).problem is Problem.UPSTREAM_FAILED


@every_api
def test_a_leaving_caller_closes_an_encrypted_connection_too(encrypted, certificate, api: ProviderApi) -> None:
    encrypted.play([*streamed(api.begin, api.text("x")), SILENCE])
    stream = api.model(encrypted.url, ca_file=str(certificate)).open(make_prompt(), 5)
    next(iter(stream))
    stream.close()
    assert encrypted.requests[0].closed.wait(1)
