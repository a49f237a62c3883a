"""Asking for many vectors: how many at once, and what is done about refusals."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise

import pytest
from support import embeddings
from support.embeddings import EmbeddingServer, openai_refusal, overloaded

from app.engine.errors import ModelError
from app.knowledge.building.asking import LEAST_CHARACTERS, MOST_BYTES, MOST_TEXTS, Asking
from app.providers.apis.openai_embeddings import OpenAIEmbeddings
from app.testing.model_server import CUT, whole

TEXTS = [f"text {number} of a doctor" for number in range(70)]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@pytest.fixture
def asking(server) -> Iterator[Asking]:
    with closing(OpenAIEmbeddings(server.options)) as model:
        yield Asking(model, lambda: None)


def ask_all(asking: Asking, texts: list[str]) -> list[object]:
    vectors: list[object] = []
    while len(vectors) < len(texts):
        vectors += asking.vectors(asking.batch(texts, len(vectors)))
    return vectors


def sizes(server: EmbeddingServer) -> list[int]:
    return [len(request.json["input"]) for request in server.requests]


def test_requests_are_bounded_by_texts_and_by_bytes(server, asking) -> None:
    assert len(ask_all(asking, TEXTS)) == len(TEXTS)
    assert sizes(server) == [MOST_TEXTS, MOST_TEXTS, 6]
    assert server.texts == TEXTS
    server.requests.clear()
    ask_all(asking, ["ß" * (MOST_BYTES // 4), "ß" * (MOST_BYTES // 4), "x", "y" * (MOST_BYTES + 9), "z"])
    assert sizes(server) == [2, 1, 1, 1]


@pytest.mark.parametrize("most", [10, 1])
@pytest.mark.parametrize(
    "refusal",
    [embeddings.openai_refusal, embeddings.tei_refusal, embeddings.dashscope_refusal, embeddings.llama_cpp_refusal],
)
def test_a_server_that_takes_fewer_gets_fewer_from_then_on(server, asking, refusal, most) -> None:
    server.most_texts, server.refusal = most, refusal
    assert all(ask_all(asking, TEXTS))
    assert server.texts == TEXTS
    refused = sum(size > most for size in sizes(server))
    assert refused <= 6, "it is found out once"


@pytest.mark.parametrize(
    "refusal",
    [
        embeddings.openai_refusal,
        embeddings.ollama_refusal,
        embeddings.vllm_refusal,
        embeddings.tei_refusal,
    ],
)
def test_a_text_that_is_too_long_is_cut_and_the_others_are_not(server, asking, refusal) -> None:
    server.most_characters, server.refusal = 500, refusal
    long = "doctor " * 200
    assert all(ask_all(asking, [*TEXTS, long]))
    assert server.texts == [*TEXTS, long[:350]]


def test_a_text_that_is_refused_however_short_is_left_out(server, asking) -> None:
    server.most_characters = LEAST_CHARACTERS // 3
    vectors = ask_all(asking, ["dog", "doctor " * 50, "car"])
    assert [bool(vector) for vector in vectors] == [True, False, True]


def test_where_every_text_is_refused_the_model_is_the_reason(server, asking) -> None:
    server.most_characters = 0
    with pytest.raises(ModelError) as failure:
        ask_all(asking, TEXTS)
    assert failure.value.reason == "answered 400"
    assert len(server.requests) < 12


@pytest.mark.parametrize(
    "broken", [whole(b"{}", 500, retry_after="0"), openai_refusal("nothing is taken")], ids=["500", "400"]
)
def test_a_server_that_takes_nothing_any_more_has_refused_none_of_the_texts(server, asking, broken) -> None:
    assert all(asking.vectors(["dog", "car"]))
    server.failing = [broken] * 100
    with pytest.raises(ModelError):
        asking.vectors(["doctor " * 50, "car"])


def test_a_text_that_the_server_cannot_stand_is_left_out_and_the_others_are_not(server, asking) -> None:
    assert all(asking.vectors(["dog"]))
    server.most_characters, server.refusal = 5, lambda _why: whole(b"{}", 500, retry_after="0")
    assert [bool(vector) for vector in asking.vectors(["dog", "doctor", "car"])] == [True, False, True]


@pytest.mark.timed
def test_what_may_pass_is_waited_for_as_long_as_the_server_says(server) -> None:
    server.failing = [overloaded(retry_after="2"), whole(b"busy", 503), [CUT], [CUT]]
    alive: list[float] = []
    begun = time.monotonic()
    with closing(OpenAIEmbeddings(server.options)) as model:
        assert all(Asking(model, lambda: alive.append(time.monotonic() - begun)).vectors(["dog"]))
    assert 2 + 2 + 4 <= time.monotonic() - begun < 12
    assert max(after - before for before, after in pairwise(alive)) < 1.5, "a sign of life each second"


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_does_not_pass_is_told_at_once(server, asking, status) -> None:
    server.failing = [whole(b"{}", status)]
    with pytest.raises(ModelError) as failure:
        asking.vectors(["dog", "car"])
    assert (failure.value.reason, len(server.requests)) == (f"answered {status}", 1)


def test_what_is_no_answer_is_asked_for_again_only_so_often(server) -> None:
    class EndedError(Exception):
        pass

    def alive() -> None:
        if len(server.requests) == 1:
            raise EndedError  # instead of waiting

    server.failing = [whole(b"nonsense")]
    with ExitStack() as stack, pytest.raises(EndedError):
        Asking(stack.enter_context(closing(OpenAIEmbeddings(server.options))), alive).vectors(["dog"])
