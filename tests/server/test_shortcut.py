"""Tokens of a model's server that come one by one: they take a way of their own through the server, on which nothing is
lost, twice, or out of its place, whoever listens, stalls or leaves."""

import time
from collections.abc import Iterator, Sequence

import pytest
from support.wires import STREAMS

from app.testing.asked import Asked, cursors, numbered, spoken, until
from app.testing.caller import Caller
from app.testing.model_server import LAST, SILENCE, Action, chunk, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import eventually, new_session_id
from app.testing.sockets import body_of, read_all, read_until

WORDS = [f"w{number} " + ("é😀 " if number % 7 == 3 else "") for number in range(60)]
PAUSE = 0.004  # seconds: each comes by itself


def one_by_one(words: Sequence[str], pause: float = PAUSE) -> Iterator[Action]:
    for word in words:
        yield chunk(OPENAI.text(word))
        yield pause


@pytest.fixture
def caller(relay, relay_keys, wire) -> Caller:
    return Caller(wire, relay, relay_keys[wire.key_kind, f"{OPENAI}"])


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
def test_all_of_it_comes_to_the_caller_to_who_listens_and_into_the_store(model_server, caller) -> None:
    question = new_session_id()
    model_server.play([*streamed(OPENAI.begin), *one_by_one(WORDS), chunk(OPENAI.end()), LAST])
    with Asked(caller, question) as asked:
        here = cursors(numbered(asked.begun()))[-1]
        listener = asked.read_on(here, stream=True)
        frames = numbered(asked.rest())
        heard = [*until(frames, here), *numbered(listener.content)]
    assert spoken(frames) == spoken(heard) == "".join(WORDS)
    assert len(set(cursors(frames))) == len(cursors(frames))
    assert caller.stored(question)[-1]["status"] == "complete"
    assert caller.stored(question)[-1]["parts"][0]["text"] == "".join(WORDS)


@pytest.mark.parametrize("wire", STREAMS[:1], ids=repr)
def test_who_leaves_among_them_leaves_what_was_said(model_server, caller) -> None:
    question = new_session_id()
    model_server.play([*streamed(OPENAI.begin), *one_by_one(WORDS[:20]), SILENCE])
    with caller.open(question) as connection:
        read_until(connection, b"w19 ")
    stored = eventually(lambda: [each for each in caller.stored(question)[1:] if each["status"] == "interrupted"], 5)
    assert stored[0]["parts"][0]["text"] == "".join(WORDS[:20])


@pytest.mark.parametrize("wire", STREAMS[:1], ids=repr)
def test_who_does_not_read_for_a_while_misses_nothing(model_server, caller) -> None:
    """More than the way to it holds; and the last words come although nothing follows them for a while."""
    words = [f"{number} {'x' * 2000} " for number in range(3500)]
    model_server.play([*streamed(OPENAI.begin), *one_by_one(words, 0.0003), 4, chunk(OPENAI.end()), LAST])
    with caller.open(new_session_id()) as connection:
        connection.settimeout(10)
        time.sleep(3)
        begun, answer = time.monotonic(), bytearray()
        while words[-1].encode() not in answer[-4096:]:
            answer += connection.recv(65_536)
        assert time.monotonic() - begun < 4
        answer += read_all(connection)
    assert caller.wire.decode(body_of(bytes(answer))).text == "".join(words)
