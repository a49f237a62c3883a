"""What every wire promises about an answer whose caller comes back, leaves, stops it or asks again: the matrix's rows.

A test of the suites shows one of them where it is marked with `guarantee`; docs/matrix.py draws what was shown.
"""

from collections.abc import Iterator

import pytest

from app.testing.caller import Caller
from app.testing.server import Server, eventually
from app.testing.wire_client import WireClient

ROWS = (
    "read on a running answer, from every position",
    "read on one that has ended, from every position",
    "read on twice at once",
    "read on an interrupted answer",
    "read on a failed answer",
    "stop",
    "stop by another request of the owner",
    "stop before the first token",
    "leave: stops",
    "leave: finishes",
    "leave: goes on for some seconds",
    "leave, with ids or a key: come back",
    "leave, with ids or a key: come back too late",
    "repeat while it runs",
    "repeat after its end",
    "repeat with another body",
    "repeat after a refusal",
    "repeat after a failure with words",
    "another's answer",
    "worker killed",
    "server restarting",
)
STREAMS_ONLY = frozenset(row for row in ROWS if row.startswith(("read", "stop")))
"""What is of no use where an answer comes in one piece."""

BUDGET = "1000"
_UNSETTLED = """
    SELECT id FROM keys WHERE credits IS NOT NULL
    AND spent != (SELECT coalesce(sum(messages.credits), 0) FROM messages WHERE payer = keys.id)
    UNION ALL SELECT id FROM messages WHERE status != 'running' AND (held != 0 OR due != 0)
"""


def guarantee(row: str) -> pytest.MarkDecorator:
    """For a test that shows it."""
    assert row in ROWS, row
    return pytest.mark.guarantee(row)


def payer_on(server: Server, wire: WireClient, shared: str | None = None) -> Iterator[Caller]:
    """A caller with a budget, where the wire has keys. Afterwards every key of the server has spent what its answers
    cost, and nothing is held for one that has ended. `shared` is used in place of a new session."""
    if wire.key_kind == "session":
        yield Caller(wire, server, shared or server.key("session"))
    else:
        yield Caller(wire, server, server.key(wire.key_kind, "open", "--credits", BUDGET))
    assert server.rows(_UNSETTLED) == []


def credits_of(caller: Caller, question: str) -> int:
    """What the answer to it cost, once it has ended."""
    return int(eventually(lambda: caller.stored(question)[1:])[-1]["credits"])
