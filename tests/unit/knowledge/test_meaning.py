"""The vectors of questions: within a short time, remembered, and never at the expense of an answer."""

import time
from collections.abc import Iterator
from contextlib import closing

import gevent
import pytest
from support.embeddings import EmbeddingServer, length

from app.knowledge.meaning import MOST_REMEMBERED, SECONDS, Meaning
from app.testing.model_server import CUT, SILENCE, SlowBytes, head, whole


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@pytest.fixture
def meaning(server) -> Iterator[Meaning]:
    with closing(Meaning("m", server.options)) as made:
        yield made


def test_a_question_is_asked_once_and_its_vector_is_normalised(server, meaning) -> None:
    first = meaning.of_question("Where is the doctor?")
    assert length(first) == pytest.approx(1)
    assert meaning.of_question("Where is the doctor?") is first
    assert server.texts == ["Where is the doctor?"]


def test_so_many_questions_are_remembered_and_no_more(server, meaning) -> None:
    for number in range(MOST_REMEMBERED + 1):
        meaning.of_question(f"question {number}")
    asked = len(server.texts)
    meaning.of_question(f"question {MOST_REMEMBERED}")
    assert len(server.texts) == asked
    meaning.of_question("question 0")
    assert len(server.texts) == asked + 1


@pytest.mark.parametrize("answer", [whole(b"{}", 500), whole(b"nonsense"), whole(b'{"data": []}'), [CUT]], ids=repr)
def test_a_model_that_fails_is_left_alone_for_a_while_and_told(server, meaning, answer, caplog) -> None:
    server.failing = [answer] * 9
    assert [meaning.of_question(f"question {number}") for number in range(5)] == [None] * 5
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in told] == [
        "a question is answered by its words alone",
        "model is passed over",
        "a question is answered by its words alone",
    ]


@pytest.mark.timed
@pytest.mark.parametrize(
    "slow", [[SILENCE], [head(content_length="99"), SILENCE], [SlowBytes(b"HTTP/1.1 200 OK\r\n", 9)]]
)
def test_a_slow_model_is_not_waited_for(server, meaning, slow, caplog) -> None:
    server.failing = [slow]
    begun = time.monotonic()
    assert meaning.of_question("Where is the doctor?") is None
    assert time.monotonic() - begun < SECONDS + 0.5
    assert caplog.messages == ["a question is answered by its words alone: no answer within 2 s"]
    assert meaning.of_question("Where is the doctor?") is not None, "one failure is none"


def test_a_timeout_of_the_callers_own_is_the_callers(server, meaning) -> None:
    server.failing = [[SILENCE], [head(content_length="99"), SILENCE]]
    with gevent.Timeout(0.2, ZeroDivisionError), pytest.raises(ZeroDivisionError):
        meaning.of_question("Where is the doctor?")
    outer = gevent.Timeout(0.2)
    with pytest.raises(gevent.Timeout) as raised, outer:
        meaning.of_question("Where is the doctor?")
    assert raised.value is outer
