"""A caller's place in a trace: what is valid of it is passed on as it came, and nothing else."""

import pytest
from werkzeug.datastructures import Headers

from app.engine.exchange import TraceContext
from app.web.requests.tracing import trace_context

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

VALID = [
    PARENT,
    PARENT.removesuffix("01") + "00",
    PARENT.removesuffix("01") + "ff",
    PARENT.replace("00-", "cc-", 1),
    PARENT.replace("00-", "cc-", 1) + "-what-the-future-will-be-like",
]
INVALID = [
    "",
    "00",
    PARENT.upper(),
    PARENT + "-",
    PARENT + "-more",
    PARENT + "0",
    f"{PARENT},{PARENT}",
    PARENT.replace("00-", "ff-", 1),
    PARENT.replace("00-", "0-", 1),
    PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
    PARENT.replace("b7ad6b7169203331", "0" * 16),
    PARENT.replace("b7ad6b7169203331", "b7ad6b716920333"),
    PARENT.replace("b7", "xy"),
    PARENT + "\r\nx-evil: 1",
    PARENT.replace("00-", "cc-", 1) + "\r\nx-evil: 1",
    PARENT.replace("00-", "cc-", 1) + "-" + "x" * 201,
]
STATES = ["a=b", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a@b=c , d=e", "a=b,,c=d", "1a=" + "x" * 256]
NO_STATES = [
    "a",
    "=b",
    "A=b",
    "a=b=c",
    "a=é",
    "a=b\r\nx-evil: 1",
    ",".join(f"k{n}=v" for n in range(33)),
    "a=" + "x" * 257,
]


@pytest.mark.parametrize("parent", VALID)
def test_a_valid_parent_is_passed_on_as_it_came(parent) -> None:
    assert trace_context(Headers({"TraceParent": parent, "tracestate": "a=b"})) == TraceContext(parent, "a=b")


@pytest.mark.parametrize("parent", INVALID, ids=repr)
def test_what_is_no_parent_is_left_out_with_its_state(parent) -> None:
    headers = {"traceparent": parent, "tracestate": "a=b"}
    assert trace_context(headers) == TraceContext()  # a dictionary: `Headers` takes no line ends


@pytest.mark.parametrize("state", STATES)
def test_a_valid_state_is_passed_on_as_it_came(state) -> None:
    assert trace_context(Headers({"traceparent": PARENT, "tracestate": state})).tracestate == state


@pytest.mark.parametrize("state", NO_STATES, ids=lambda state: repr(state)[:30])
def test_what_is_no_state_is_left_out_and_the_parent_counts(state) -> None:
    assert trace_context({"traceparent": PARENT, "tracestate": state}) == TraceContext(PARENT)
