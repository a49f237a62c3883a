"""Model servers that drip, dawdle and flood: every time limit holds, and one stream never stops the others."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import gevent
import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import Problem
from app.engine.events import TextDelta
from app.engine.messages import Usage
from app.testing.model_server import LAST, SILENCE, Action, ModelServer, Request, SlowBytes, chunk, head, streamed
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi, make_prompt, outcome

SECONDS = {"connect": 0.5, "first_token": 1, "between_tokens": 1, "total": 3}
FINISHED = ModelFinished("stop", Usage(3, 2))
LATE = 0.7  # a tick of the clock, and what a busy machine takes
FLOOD_SECONDS = 5.0

every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


def text(api: ProviderApi, seconds: float) -> list[Action]:
    return [SlowBytes(chunk(api.text("x")), seconds)]


def ends(api: ProviderApi) -> list[Action]:
    return [chunk(api.end()), LAST]


def begins(api: ProviderApi) -> list[Action]:
    """The head, and what comes before the first token."""
    return streamed(api.begin)


Drips = Callable[[ProviderApi], Sequence[Action]]
IN_TIME: dict[str, tuple[str, Drips]] = {
    "the head": ("x", lambda s: [SlowBytes(head(), 1.1), *begins(s)[1:], *text(s, 0), *ends(s)]),
    "the first token": ("x", lambda s: [*begins(s), *text(s, 0.6), *ends(s)]),
    "each of two tokens": ("xx", lambda s: [*begins(s), *text(s, 0.6), *text(s, 0.6), *ends(s)]),
    "the end": ("x", lambda s: [*begins(s), *text(s, 0), SlowBytes(chunk(s.end()), 0.6), LAST]),
    "everything": (
        "x",
        lambda s: [SlowBytes(b"".join(each for each in s.answer("x") if isinstance(each, bytes)), 0.6)],
    ),
    "the trailer": ("x", lambda s: [*begins(s), *text(s, 0), *ends(s)[:-1], SlowBytes(b"0\r\nA: b\r\n", 0.6), SILENCE]),
}


@pytest.mark.timed
@every_api
@pytest.mark.parametrize("name", IN_TIME)
def test_what_drips_within_the_limits_is_an_answer(upstream, api: ProviderApi, name) -> None:
    said, answer = IN_TIME[name]
    upstream.play(answer(api), api.answer("next"))
    model = api.model(upstream.url, timeouts=SECONDS)
    assert outcome(model) == (said, FINISHED, None)
    assert outcome(model) == ("next", FINISHED, None)


SLOW = Problem.UPSTREAM_TIMEOUT
TOO_SLOW: dict[str, tuple[str, Problem, float, Drips]] = {  # what was said, and after how many seconds it is over
    "the head": ("", SLOW, 1.5, lambda _: [SlowBytes(head(), 9)]),
    "a first token that takes too long": ("", SLOW, 1, lambda s: [*begins(s), *text(s, 5), *ends(s)]),
    "a second token that takes too long": ("x", SLOW, 1, lambda s: [*begins(s), *text(s, 0), *text(s, 5), *ends(s)]),
    "an end that takes too long": ("x", SLOW, 1, lambda s: [*begins(s), *text(s, 0), SlowBytes(chunk(s.end()), 9)]),
    "lively tokens without end": ("xxxxx", SLOW, 3, lambda s: [*begins(s), *[chunk(s.text("x")), 0.65] * 9]),
    "comments": ("", SLOW, 1, lambda s: [*begins(s), SlowBytes(chunk(b": a comment\n\n") * 20, 9)]),
    "the size of a chunk": ("", SLOW, 1, lambda s: [*begins(s), SlowBytes(b"5;" + b"x" * 200, 9)]),
    "a trailer instead of the end": ("x", SLOW, 1, lambda s: [*begins(s), *text(s, 0), SlowBytes(b"0\r\nA: b\r\n", 9)]),
    "a web page": ("", SLOW, 1, lambda _: [head(content_type="text/html"), SlowBytes(chunk(b"<p>" * 200), 9)]),
    "a refusal": ("", Problem.UPSTREAM_FAILED, 0.5, lambda _: [head(500), SlowBytes(chunk(b"no" * 200), 9)]),
}


@pytest.mark.timed
@every_api
@pytest.mark.parametrize("name", TOO_SLOW)
def test_what_drips_for_longer_than_a_limit_is_over_then(upstream, api: ProviderApi, name) -> None:
    said, problem, seconds, answer = TOO_SLOW[name]
    upstream.play(answer(api))
    begun = time.monotonic()
    assert outcome(api.model(upstream.url, timeouts=SECONDS)) == (said, None, problem)
    assert seconds - 0.05 <= time.monotonic() - begun < seconds + LATE
    assert upstream.wait_for_request().closed.wait(1), "the server hears of it"


@pytest.mark.timed
@every_api
def test_callers_hear_a_heartbeat_while_a_token_drips(upstream, api: ProviderApi) -> None:
    upstream.play([*begins(api), *text(api, 0.45), *ends(api)])
    stream = api.model(upstream.url).open(make_prompt(), 0.1)
    first, second, third, *batches = stream
    assert not any([first, second, third])
    assert [chunk for batch in batches for chunk in batch] == [TextDelta("x"), FINISHED]


Flood = Callable[[ProviderApi], Iterable[bytes]]
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


def flooded(
    upstream: ModelServer, api: ProviderApi, data: Iterable[bytes], **limits: float
) -> tuple[Problem | None, float]:
    """The failure that a flood ends in, and the longest computing for which nobody else was served. What other programs
    take of the machine meanwhile does not count."""

    def flood(_: Request) -> Iterator[bytes]:
        until = time.monotonic() + FLOOD_SECONDS
        yield from itertools.takewhile(lambda _: time.monotonic() < until, data)

    upstream.always = flood
    served = [time.thread_time()]

    def serve_others() -> None:
        while True:
            gevent.sleep(0.01)
            served.append(time.thread_time())

    others = gevent.spawn(serve_others)
    gevent.sleep(0.02)
    _, _, problem = outcome(api.model(upstream.url, timeouts=SECONDS | limits))
    gevent.sleep(0.02)
    others.kill()
    return problem, max(later - earlier for earlier, later in itertools.pairwise(served))


def marked(table: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", list(table))


@pytest.mark.alone
@every_api
@marked(FLOODS)
def test_a_flood_ends_at_its_limit_and_stops_nobody_else(upstream, api: ProviderApi, name) -> None:
    ended, longest = flooded(upstream, api, itertools.chain(begins(api), FLOODS[name](api)), total=1.5)
    assert ended in (SLOW, Problem.UPSTREAM_FAILED), "the limit of time, or of bytes without an event"
    assert longest < LATE


@pytest.mark.alone
@every_api
@marked(HEADS)
def test_a_flood_in_the_place_of_a_head_is_a_failure_and_stops_nobody_else(upstream, api: ProviderApi, name) -> None:
    ended, longest = flooded(upstream, api, itertools.repeat(HEADS[name], 10))
    assert ended in (SLOW, Problem.UPSTREAM_FAILED)
    assert longest < LATE


@pytest.mark.alone
@every_api
def test_an_event_without_an_end_is_not_collected_for_ever(upstream, api: ProviderApi) -> None:
    line = itertools.chain([chunk(b"data: ")], itertools.repeat(chunk(b"x" * 250_000)))
    ended, longest = flooded(upstream, api, itertools.chain(begins(api), line), first_token=5, total=5)
    assert ended is Problem.UPSTREAM_FAILED, "as it is with an answer in one piece"
    assert longest < LATE
