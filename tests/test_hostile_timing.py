"""Model servers that drip, dawdle and flood: every time limit holds, and one stream never stops the others."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import gevent
import pytest
from speeches import SPEECHES, Speech, asking, outcome
from upstream import LAST, SILENCE, Request, Step, Upstream, chunk, head, streamed

from app.engine.errors import Problem
from app.engine.events import TextDelta
from app.engine.messages import Usage
from app.engine.ports import ModelFinished

SECONDS = {"connect": 0.3, "first_token": 0.5, "between_tokens": 0.5, "total": 1.6}
FINISHED = ModelFinished("stop", Usage(3, 2))
LATE = 0.4  # a tick of the clock, and what a busy machine takes
FLOOD_SECONDS = 3.0

every_speech = pytest.mark.parametrize("speech", SPEECHES, ids=repr)


def drip(data: bytes, seconds: float) -> list[Step]:
    """A byte at a time, in so many seconds together."""
    pause = seconds / len(data)
    return [step for at in range(len(data)) for step in (data[at : at + 1], pause)]


def text(speech: Speech, seconds: float) -> list[Step]:
    return drip(chunk(speech.text("x")), seconds)


def ends(speech: Speech) -> list[Step]:
    return [chunk(speech.end()), LAST]


def begins(speech: Speech) -> list[Step]:
    """The head, and what comes before the first token."""
    return streamed(speech.begin)


Drips = Callable[[Speech], Sequence[Step]]
IN_TIME: dict[str, tuple[str, Drips]] = {
    "the head": ("x", lambda s: [*drip(head(), 0.55), *begins(s)[1:], *text(s, 0), *ends(s)]),
    "the first token": ("x", lambda s: [*begins(s), *text(s, 0.35), *ends(s)]),
    "each of two tokens": ("xx", lambda s: [*begins(s), *text(s, 0.35), *text(s, 0.35), *ends(s)]),
    "the end": ("x", lambda s: [*begins(s), *text(s, 0), *drip(chunk(s.end()), 0.35), LAST]),
    "everything": ("x", lambda s: drip(b"".join(step for step in s.answer("x") if isinstance(step, bytes)), 0.4)),
    "the trailer": ("x", lambda s: [*begins(s), *text(s, 0), *ends(s)[:-1], *drip(b"0\r\nA: b\r\n", 0.4), SILENCE]),
}


@every_speech
@pytest.mark.parametrize("name", IN_TIME)
def test_what_drips_within_the_limits_is_an_answer(upstream, speech: Speech, name) -> None:
    said, answer = IN_TIME[name]
    upstream.play(answer(speech), speech.answer("next"))
    model = speech.model(upstream.url, timeouts=SECONDS)
    assert outcome(model) == (said, FINISHED, None)
    assert outcome(model) == ("next", FINISHED, None)


SLOW = Problem.UPSTREAM_TIMEOUT
TOO_SLOW: dict[str, tuple[str, Problem, float, Drips]] = {  # what was said, and after how many seconds it is over
    "the head": ("", SLOW, 0.8, lambda _: drip(head(), 4)),
    "a first token that takes too long": ("", SLOW, 0.5, lambda s: [*begins(s), *text(s, 2), *ends(s)]),
    "a second token that takes too long": ("x", SLOW, 0.5, lambda s: [*begins(s), *text(s, 0), *text(s, 2), *ends(s)]),
    "an end that takes too long": ("x", SLOW, 0.5, lambda s: [*begins(s), *text(s, 0), *drip(chunk(s.end()), 4)]),
    "lively tokens without end": ("xxxxx", SLOW, 1.6, lambda s: [*begins(s), *[chunk(s.text("x")), 0.35] * 9]),
    "comments": ("", SLOW, 0.5, lambda s: [*begins(s), *drip(chunk(b": a comment\n\n") * 20, 4)]),
    "the size of a chunk": ("", SLOW, 0.5, lambda s: [*begins(s), *drip(b"5;" + b"x" * 200, 4)]),
    "a trailer instead of the end": ("x", SLOW, 0.5, lambda s: [*begins(s), *text(s, 0), *drip(b"0\r\nA: b\r\n", 4)]),
    "a web page": ("", SLOW, 0.5, lambda _: [head(content_type="text/html"), *drip(chunk(b"<p>" * 200), 4)]),
    "a refusal": ("", Problem.UPSTREAM_FAILED, 0.3, lambda _: [head(500), *drip(chunk(b"no" * 200), 4)]),
}


@every_speech
@pytest.mark.parametrize("name", TOO_SLOW)
def test_what_drips_for_longer_than_a_limit_is_over_then(upstream, speech: Speech, name) -> None:
    said, problem, seconds, answer = TOO_SLOW[name]
    upstream.play(answer(speech))
    begun = time.monotonic()
    assert outcome(speech.model(upstream.url, timeouts=SECONDS)) == (said, None, problem)
    assert seconds - 0.05 <= time.monotonic() - begun < seconds + LATE
    assert upstream.asked().closed.wait(1), "the server hears of it"


@every_speech
def test_callers_hear_a_heartbeat_while_a_token_drips(upstream, speech: Speech) -> None:
    upstream.play([*begins(speech), *text(speech, 0.45), *ends(speech)])
    stream = speech.model(upstream.url).open(asking(), 0.1)
    first, second, third, *batches = stream
    assert not any([first, second, third])
    assert [chunk for batch in batches for chunk in batch] == [TextDelta("x"), FINISHED]


Flood = Callable[[Speech], Iterable[bytes]]
FLOODS: dict[str, Flood] = {
    "pings": lambda _: itertools.repeat(chunk(b": x\n\n" * 9_000)),
    "tokens": lambda s: itertools.repeat(chunk(s.text("word ") * 500)),
    "blank lines": lambda _: itertools.repeat(chunk(b"\n" * 50_000)),
    "fields of a trailer": lambda _: itertools.chain([b"0\r\n"], itertools.repeat(b"A: b\r\n" * 9_000)),
}

HEADS = {
    "a status line": b"HTTP/1.1 200 " + b"x" * 50_000,
    "fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 8_000,
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000,
}


def flooded(upstream: Upstream, speech: Speech, data: Iterable[bytes], **limits: float) -> tuple[Problem | None, float]:
    """The failure that a flood ends in, and the longest time for which nobody else was served."""

    def flood(_: Request) -> Iterator[bytes]:
        until = time.monotonic() + FLOOD_SECONDS
        yield from itertools.takewhile(lambda _: time.monotonic() < until, data)

    upstream.always = flood
    served = [time.monotonic()]

    def serve_others() -> None:
        while True:
            gevent.sleep(0.01)
            served.append(time.monotonic())

    others = gevent.spawn(serve_others)
    gevent.sleep(0.02)
    _, _, problem = outcome(speech.model(upstream.url, timeouts=SECONDS | limits))
    gevent.sleep(0.02)
    others.kill()
    return problem, max(later - earlier for earlier, later in itertools.pairwise(served))


def marked(table: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", list(table))


@every_speech
@marked(FLOODS)
def test_a_flood_ends_at_its_limit_and_stops_nobody_else(upstream, speech: Speech, name) -> None:
    ended, longest = flooded(upstream, speech, itertools.chain(begins(speech), FLOODS[name](speech)))
    assert ended is SLOW
    assert longest < LATE


@every_speech
@marked(HEADS)
def test_a_flood_in_the_place_of_a_head_is_a_failure_and_stops_nobody_else(upstream, speech: Speech, name) -> None:
    ended, longest = flooded(upstream, speech, itertools.repeat(HEADS[name], 10))
    assert ended in (SLOW, Problem.UPSTREAM_FAILED)
    assert longest < LATE


@every_speech
def test_an_event_without_an_end_is_not_collected_for_ever(upstream, speech: Speech) -> None:
    line = itertools.chain([chunk(b"data: ")], itertools.repeat(chunk(b"x" * 250_000)))
    ended, longest = flooded(upstream, speech, itertools.chain(begins(speech), line), first_token=5, total=5)
    assert ended is Problem.UPSTREAM_FAILED, "as it is with an answer in one piece"
    assert longest < LATE
