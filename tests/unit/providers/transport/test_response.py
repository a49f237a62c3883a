"""Model servers that answer strangely, brokenly or with ill will: what is said of it, and what is made of the rest.

Times and floods are in test_hostile_timing.py. Every row holds for every provider.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.messages import Usage
from app.testing.model_server import CUT, LAST, RESET, SILENCE, Action, chunk, head, streamed
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi, chunks_of, outcome

pytestmark = pytest.mark.timed

FAILED = Problem.UPSTREAM_FAILED
FINISHED = ModelFinished("stop", Usage(3, 2))
PAGE = b"<!doctype html>\n<title>It works!</title>\n\n<p>data: {}</p>\n\n" * 200

Answer = Callable[[ProviderApi], Sequence[Action]]
every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


def rows(table: Iterable[str]) -> pytest.MarkDecorator:
    """Each name with each api."""
    cases = [pytest.param(api, name, id=f"{api}: {name}") for name in table for api in PROVIDER_APIS]
    return pytest.mark.parametrize(("api", "name"), cases)


def body(api: ProviderApi, *tokens: str) -> bytes:
    return api.begin + b"".join(map(api.text, tokens or ("so ", "far"))) + api.end()


def bare(*fields: str, version: str = "1.1", status: int = 200) -> bytes:
    """A head with just these fields."""
    return "\r\n".join([f"HTTP/{version} {status} Whatever", *fields, "", ""]).encode()


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def zipped(data: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packer.compress(data) + packer.flush()


TYPE = "content-type: text/event-stream"
STRANGE: dict[str, Answer] = {  # all of them say "so far", and finish
    "in one piece": lambda s: [head() + chunk(body(s)) + LAST],
    "CRLF": lambda s: [*streamed(body(s).replace(b"\n", b"\r\n")), LAST],
    "CR": lambda s: [*streamed(body(s).replace(b"\n", b"\r")), LAST],
    "a byte order mark": lambda s: [*streamed(b"\xef\xbb\xbf" + body(s)), LAST],
    "every byte a chunk": lambda s: [*streamed(*pieces(body(s), 1)), LAST],
    "extensions and a trailer": lambda s: [
        head(),
        *[b'%x;sig="a;b";x\r\n%b\r\n' % (len(piece), piece) for piece in pieces(body(s), 50)],
        b"000;last\r\nX-Took: 1 s\r\nX-Sum: abc\r\n\r\n",
    ],
    "sizes in capitals with zeros": lambda s: [head(), b"0000%X\r\n%b\r\n" % (len(body(s)), body(s)), LAST],
    "a length": lambda s: [head(content_length=str(len(body(s)))) + body(s)],
    "no length": lambda s: [bare(TYPE), body(s), CUT],
    "no length, and silence behind the end": lambda s: [bare(TYPE), body(s), SILENCE],
    "HTTP/1.0": lambda s: [bare(TYPE, version="1.0"), body(s), CUT],
    "interim responses": lambda s: [bare(status=100) + bare("link: <x>", status=103) + head(), chunk(body(s)), LAST],
    "a type with a charset": lambda s: [head(content_type="text/event-stream; charset=utf-8"), chunk(body(s)), LAST],
    "a type in capitals": lambda s: [head(content_type="Text/Event-Stream"), chunk(body(s)), LAST],
    "a field of 60 KB": lambda s: [head(x_long="x" * 60_000), chunk(body(s)), LAST],
    "a comment of 5 MB": lambda s: [*streamed(b":" + b"x" * 5_000_000 + b"\n", body(s)), LAST],
    "silence behind the end": lambda s: [*streamed(body(s)), SILENCE],
    "a cut behind the end": lambda s: [*streamed(body(s)), CUT],
    "a reset behind the end": lambda s: [*streamed(body(s)), 0.02, RESET],
    "nonsense behind the end": lambda s: [head() + chunk(body(s)) + b"zz\r\n"],
    "another answer behind the end": lambda s: [head() + chunk(body(s)) + LAST + head() + chunk(body(s, "no")) + LAST],
    "a length that is too long": lambda s: [head(content_length="9999") + body(s), CUT],
}


@rows(STRANGE)
def test_an_answer_that_is_only_strange_is_understood(upstream, api: ProviderApi, name) -> None:
    upstream.play(STRANGE[name](api), api.answer("next"))
    model = api.model(upstream.url)
    assert outcome(model) == ("so far", FINISHED, None)
    assert outcome(model) == ("next", FINISHED, None), "nothing of the first answer is left over"


@every_api
def test_an_answer_may_be_split_at_every_byte(upstream, api: ProviderApi) -> None:
    raw = b"".join(step for step in api.answer("so ", "fär") if isinstance(step, bytes))
    upstream.answers = [[raw[:at], 0.001, raw[at:]] for at in range(1, len(raw))]
    model = api.model(upstream.url)
    heard = {outcome(model) for _ in range(1, len(raw))}
    assert heard == {("so fär", FINISHED, None)}
    assert {request.connection for request in upstream.requests} == {1}


@every_api
@pytest.mark.parametrize(
    "token", ["ü" * 50_000, "x" * 5_000_000, '\n"\\\x01 😀' * 200_000], ids=["100 KB", "5 MB", "5 MB of escapes"]
)
def test_a_huge_token_is_a_token(upstream, api: ProviderApi, token) -> None:
    upstream.play(api.answer("so ", token, "far"))
    assert chunks_of(api.model(upstream.url))[1].text == token


def after(answer: Answer) -> Answer:
    """The same behind two tokens."""
    return lambda s: [*streamed(s.begin, s.text("so "), s.text("far")), 0.01, *answer(s)]


def typed(content_type: str) -> Answer:
    return lambda s: [head(content_type=content_type), chunk(body(s)), LAST]


def packed(level: int) -> Answer:
    return lambda s: [head(content_encoding="gzip"), chunk(zipped(body(s), level)), LAST]


def at_once(rest: bytes, fault: bytes, end: int | None = None) -> Answer:
    """Two tokens and the fault behind them, all in one read."""
    return lambda s: [head() + chunk(s.begin + s.text("so ") + s.text("far") + rest)[:end] + fault]


BROKEN: dict[str, tuple[str, Answer]] = {  # what is said before it is the model's failure
    "cut in a head": ("", lambda _: [head()[:40], CUT]),
    "cut in an event": ("so far", after(lambda s: [chunk(s.text("never")[:-20]), CUT])),
    "cut in the two bytes between events": ("so far", after(lambda s: [chunk(s.text("never")[:-2]), CUT])),
    "cut in a chunk": ("so far", after(lambda s: [chunk(s.text("never"))[:-20], CUT])),
    "cut in the size of a chunk": ("so far", after(lambda _: [b"1", CUT])),
    "cut where there is no length": ("so ", lambda s: [bare(TYPE), s.begin + s.text("so ") + s.text("far")[:-9], CUT]),
    "a length that is too short": (
        "so ",
        lambda s: [head(content_length=str(len(s.begin + s.text("so ")))) + body(s)],
    ),
    "reset in an event": ("so far", after(lambda s: [chunk(s.text("never")[:-20]), 0.05, RESET])),
    "a web page": ("", lambda _: [head(content_type="text/html"), chunk(PAGE), LAST]),
    "a web page that says it is a stream": ("", lambda _: [*streamed(PAGE), LAST]),
    "a web page in mid-stream": ("so far", after(lambda _: [chunk(PAGE), LAST])),
    "gzip": ("", packed(9)),
    "gzip that stores": ("", packed(0)),
    "JSON in gzip": (
        "",
        lambda _: [head(200, "application/json", content_encoding="gzip"), chunk(zipped(b"{}", 9)), LAST],
    ),
    "events as plain text": ("", typed("text/plain")),
    "events as JSON": ("", typed("application/json")),
    "events of no type": ("", lambda s: [bare("transfer-encoding: chunked"), chunk(body(s)), LAST]),
    "no JSON": ("so far", after(lambda _: [chunk(b"data: {nonsense\n\n")])),
    "JSON that is half": ("so far", after(lambda s: [chunk(s.text("never")[:-9] + b"\n\n")])),
    "JSON that is nested without end": ("so far", after(lambda _: [chunk(b"data: " + b"[" * 100_000 + b"\n\n")])),
    "bytes that are no UTF-8": ("so far", after(lambda s: [chunk(s.text("caf@").replace(b"@", b"\xe9"))])),
    "a text that is a number": ("so far", after(lambda s: [chunk(s.text(7) + s.end()), LAST])),
    "a reason that is no end": ("so far", after(lambda s: [chunk(s.end("abort")), LAST])),
    "a chunk of no size": ("so far", after(lambda _: [b"zz\r\n"])),
    "a chunk that is longer than it says": ("so far", after(lambda _: [b"5\r\n: pings\n\n\r\n"])),
    "an endless size of a chunk": ("so far", after(lambda _: [b"1" * 5_000])),
    "a fault behind tokens in the same read": ("so far", at_once(b"", b"zz\r\n")),
    "a fault behind half an event in the same read": ("so far", at_once(b"data: {", b"\r\n")),
    "a fault in the chunk of the tokens": ("so far", at_once(b"", b"never\r\n", -2)),
    "an endless field": ("", lambda _: [b"HTTP/1.1 200 OK\r\nx-long: ", *repeat(b"x" * 10_000, 20)]),
    "endless fields": ("", lambda _: [b"HTTP/1.1 200 OK\r\n", *repeat(b"x-many: x\r\n" * 1_000, 20)]),
    "two lengths": ("", lambda s: [bare(TYPE, "content-length: 5", "content-length: 6") + body(s)]),
    "a length of 5,000 digits": ("", lambda s: [bare(TYPE, "content-length: " + "5" * 5_000) + body(s)]),
    "a length below nothing": ("", lambda s: [bare(TYPE, "content-length: -5") + body(s)]),
}


@rows(BROKEN)
def test_an_answer_that_is_broken_is_said_so_far_and_then_a_failure(upstream, api: ProviderApi, name) -> None:
    text, answer = BROKEN[name]
    steps = answer(api)
    upstream.play(steps, api.answer("next"))
    model = api.model(upstream.url)
    assert outcome(model) == (text, None, FAILED)
    asked = upstream.wait_for_request()
    assert text != "so far" or LAST in steps or asked.closed.wait(1), "a broken connection is not kept"
    assert outcome(model) == ("next", FINISHED, None)


STATUSES: dict[str, tuple[Problem, bool, Answer]] = {  # the problem, and whether the same try may help a little later
    **{
        f"a redirect, {status}": (FAILED, False, lambda _, status=status: [head(status, location="/v2"), LAST])
        for status in (300, 301, 302, 303, 307, 308)
    },
    "a redirect without a place": (FAILED, False, lambda _: [head(302), LAST]),
    "nothing new": (FAILED, False, lambda _: [bare("content-length: 0", status=304)]),
    "a status without a body": (FAILED, False, lambda _: [bare(status=204)]),
    "an answer with another status": (FAILED, False, lambda s: [head(201), chunk(body(s)), LAST]),
    "a web page, 502": (FAILED, True, lambda _: [head(502, "text/html"), chunk(PAGE), LAST]),
    "a web page, 503": (Problem.OVERLOADED, True, lambda _: [head(503, "text/html"), chunk(PAGE), LAST]),
    "a web page that ends nowhere": (FAILED, True, lambda _: [bare(status=502), PAGE, CUT]),
    "a refusal in gzip": (
        *(FAILED, True),
        lambda s: [head(500, content_encoding="gzip"), chunk(zipped(s.refusal("no"), 9)), LAST],
    ),
    "a refusal in chunks that are none": (FAILED, True, lambda _: [head(500), b"zz\r\n"]),
    "a time to come again of 5,000 digits": (
        *(Problem.OVERLOADED, True),
        lambda _: [head(503, retry_after="5" * 5_000), LAST],
    ),
    "a length of 5,000 digits": (FAILED, True, lambda _: [bare("content-length: " + "5" * 5_000, status=500)]),
    "an unknown status": (FAILED, True, lambda _: [head(599), LAST]),
    "a status that is none": (FAILED, False, lambda _: [head(999), LAST]),
}


@rows(STATUSES)
def test_a_status_other_than_200_is_a_failure_and_no_redirect_is_followed(upstream, api: ProviderApi, name) -> None:
    problem, transient, answer = STATUSES[name]
    upstream.play(answer(api), api.answer("next"))
    model = api.model(upstream.url, timeouts={"connect": 0.5})
    begun = time.monotonic()
    with pytest.raises(ModelError) as raised:
        chunks_of(model)
    assert (raised.value.problem, raised.value.kind.again) == (problem, transient)
    assert time.monotonic() - begun < 0.4, "a body that cannot come is not waited for"
    assert len(upstream.requests) == 1
    assert outcome(model) == ("next", FINISHED, None)
