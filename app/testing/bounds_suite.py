"""What every wire promises to all its other callers, whatever one of them sends, as tests to inherit."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.testing.caller import Caller
from app.testing.server import Server

LARGEST = 262_144  # bytes of a body: the default of `body_bytes`
MOST_ERROR_BYTES = 8192
MOST_MISTAKES = 20
MOST_SECONDS = 0.2  # of CPU for a request; nothing may hold the loop for 0.05, and a request may come back to it


def worst_values() -> Iterator[Any]:
    """What takes long to look at, each as large as a body may be or a little less."""
    size = LARGEST - 2000
    yield [{}] * (size // 3)
    yield [[]] * (size // 3)
    yield [{"": 0}] * 19_000
    yield [[]] * 19_000
    yield [""] * (size // 3)
    yield [0] * (size // 2)
    yield {f"{number:x}": {} for number in range(size // 11)}
    yield orjson.Fragment(b"[" * 900 + b"]" * 900)
    yield orjson.Fragment(b"9" * 300)
    yield from (letter * (size // len(orjson.dumps(letter)[1:-1])) for letter in ("x", " ", "é", "\x01", "<", "a\n"))


def worst_bodies(body: dict[str, Any]) -> Iterator[bytes]:
    """A body that would be answered, with the worst in each of its places; and with the worst besides."""
    for value in worst_values():
        yield orjson.dumps({**body, "extra": value})
        for name, usual in body.items():
            yield orjson.dumps({**body, name: value})
            if isinstance(usual, list) and isinstance(usual[0], dict):
                yield from (orjson.dumps({**body, name: [{**usual[0], inner: value}]}) for inner in usual[0])
    names = {f"{number:x}": 0 for number in range(25_000)}
    for name, value in body.items():
        if isinstance(value, list):
            yield orjson.dumps({**body, name: value * (LARGEST // (len(orjson.dumps(value)) + 1) - 10)})
            yield orjson.dumps({**body, name: value * 1000})
            yield orjson.dumps({**body, name: [{} for _ in range(1000)]})
            if isinstance(value[0], dict):
                yield orjson.dumps({**body, name: [{**value[0], **names}]})
    yield orjson.dumps({**body, **names})
    yield orjson.dumps({**body, **{f"{number}" + "\x01" * 300: 0 for number in range(50)}})  # each is six bytes in JSON


def cpu_seconds(server: Server) -> float:
    """What the thread with the event loop has taken so far."""
    pid = server.worker_pid()
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class BoundsSuite:
    """For WireSuite to inherit."""

    @pytest.mark.timed
    def test_no_body_holds_up_the_others_or_is_answered_at_length_where_it_is_refused(self, caller: Caller) -> None:
        for body in worst_bodies(caller.body("hi")):
            before = cpu_seconds(caller.server)
            response = caller.post(body)
            taken = cpu_seconds(caller.server) - before
            assert taken < MOST_SECONDS, f"{taken} s for {body[:200]!r}"
            assert response.status_code in (caller.wire.status, 400, 413), body[:200]
            if response.status_code >= 400:
                caller.wire.check_error(response, response.status_code)
                assert len(response.content) <= MOST_ERROR_BYTES

    def test_of_many_mistakes_twenty_are_told(self, caller: Caller) -> None:
        response = caller.post({f"field {number}": 0 for number in range(200)})
        assert response.status_code == 400
        assert max(response.text.count("field "), response.text.count("Unknown field.")) <= 2 * MOST_MISTAKES
