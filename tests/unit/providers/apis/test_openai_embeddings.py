"""`/v1/embeddings`: what is asked, what is read, and what is none."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from support.embeddings import EmbeddingServer, meaning

from app.engine.errors import ModelError, Problem
from app.providers.apis.openai_embeddings import MOST_BYTES, MOST_DIMENSIONS, OpenAIEmbeddings
from app.testing.model_server import CUT, SILENCE, chunk, head, whole

GOOD = {"index": 0, "embedding": [1, 2.5]}


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@pytest.fixture
def model_of() -> Iterator[Callable[[dict[str, Any]], OpenAIEmbeddings]]:
    with ExitStack() as closing_all:
        yield lambda options: closing_all.enter_context(closing(OpenAIEmbeddings(options)))


def test_the_model_and_the_texts_are_asked_and_the_options_of_the_model_are_kept(server, model_of, monkeypatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_KEY", "sk-secret-secret")
    options = {**server.options, "api_key_env": "EMBEDDINGS_KEY", "organization": "o", "headers": {"X-Team": "tea"}}
    first, second = model_of(options).embed(["a doctor", "dog"])
    assert [*first] == pytest.approx(meaning("a doctor", 8))
    assert [*second] == pytest.approx(meaning("dog", 8))
    request = server.requests[0]
    assert request.json == {"model": "m", "input": ["a doctor", "dog"]}
    names = ("authorization", "openai-organization", "x-team", "content-type")
    assert [request.headers[name] for name in names] == ["Bearer sk-secret-secret", "o", "tea", "application/json"]


@pytest.mark.parametrize(
    "shape",
    [
        lambda data: {"data": data[::-1]},
        lambda data: {"data": [{"embedding": each["embedding"]} for each in data]},
        lambda data: {"data": data, "usage": {"prompt_tokens": 1}, "more": [1]},
    ],
    ids=["in another order", "without places", "with more"],
)
def test_vectors_are_read_in_the_order_of_the_texts(server, model_of, shape) -> None:
    server.shape = shape
    vectors = model_of(server.options).embed(["doctor", "dog", "car"])
    assert [vector.index(max(vector)) for vector in vectors] == [0, 2, 1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"error": "busy"}',
        b'{"data": [NaN]}',
        b'{"data": [{"index": 0, "embedding": [NaN]}]}',
        b'{"data": [{"index": 0, "embedding": [1e400]}]}',
        b'{"data": [{"index": 0, "embedding": [1e300]}]}',
        b"[" * 100_000,
        *(
            json.dumps({"data": data}).encode()
            for data in [
                [],
                [GOOD, GOOD],
                [{**GOOD, "index": 1}],
                [{**GOOD, "index": "0"}],
                [{**GOOD, "index": None}],
                [{"index": 0}],
                ["x"],
                [None],
                *(
                    [{**GOOD, "embedding": value}]
                    for value in (
                        None,
                        "AACAPwAAIEA=",
                        [],
                        {},
                        5,
                        ["1"],
                        [None],
                        [[1]],
                        {"1": 2},
                        [1] * (MOST_DIMENSIONS + 1),
                    )
                ),
            ]
        ),
    ],
    ids=lambda body: body[:60].decode(),
)
def test_what_is_no_list_of_vectors_is_a_failure_of_the_model(server, model_of, body) -> None:
    server.failing = [whole(body)]
    with pytest.raises(ModelError) as failure:
        model_of(server.options).embed(["doctor"])
    assert failure.value.problem is Problem.UPSTREAM_FAILED
    assert failure.value.reason.startswith("sent what are no 1 vectors: ")


def test_no_more_is_read_than_vectors_can_have(server, model_of) -> None:
    body = b'{"data": [{"index": 0, "embedding": [1' + b", 0.1" * MOST_BYTES + b"]}]}"
    server.failing = [whole(body)]
    with pytest.raises(ModelError) as failure:
        model_of(server.options).embed(["doctor"])
    assert failure.value.reason == f"sent what are no 1 vectors: ValueError('more than {MOST_BYTES} bytes')"


def test_a_page_in_the_place_of_vectors_is_told(server, model_of) -> None:
    server.failing = [whole(b"<!doctype html><title>sk-secret-secret</title>", content_type="text/html")]
    with pytest.raises(ModelError) as failure:
        model_of(server.options).embed(["doctor"])
    assert str(failure.value.details["said"]).startswith("<!doctype html>")


def test_vectors_of_different_lengths_are_none(server, model_of) -> None:
    server.shape = lambda data: {"data": [data[0], {**data[1], "embedding": [1.0]}]}
    with pytest.raises(ModelError, match="failed"):
        model_of(server.options).embed(["doctor", "dog"])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (whole(b'{"error": "no sk-secret-secret"}', 401), Problem.UPSTREAM_FAILED),
        (whole(b"{}", 429, retry_after="7"), Problem.OVERLOADED),
        ([head(content_type="application/json"), chunk(b'{"data": ['), CUT], Problem.UPSTREAM_FAILED),
        ([CUT], Problem.UPSTREAM_FAILED),
        ([head(content_type="application/json"), chunk(b'{"data": ['), SILENCE], Problem.UPSTREAM_TIMEOUT),
    ],
)
def test_failures_of_the_server_are_those_of_a_model(server, model_of, answer, problem, monkeypatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_KEY", "sk-secret-secret")
    options = {**server.options, "api_key_env": "EMBEDDINGS_KEY"}
    options["timeouts"] = {**options["timeouts"], "first_token": 0.2}
    server.failing = [answer] * 2  # a connection that was kept is tried once more
    with pytest.raises(ModelError) as failure:
        model_of(options).embed(["doctor"])
    assert failure.value.problem is problem
    assert "sk-secret" not in f"{failure.value.reason} {failure.value.details}"
