"""The caller's place in a trace, as W3C's Trace Context (https://www.w3.org/TR/trace-context/) has it in headers."""

import re

from werkzeug.datastructures import Headers

from app.engine.exchange import TraceContext

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LATER_PARENT = re.compile(r"(?!00)" + _PARENT.pattern + r"(-[\x21-\x7e]{0,200})?")  # a version that may say more
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
MOST_MEMBERS = 32
MOST_STATE = 512  # characters: what everybody has to pass on


def trace_context(headers: Headers) -> TraceContext:
    """What is valid of `traceparent` and `tracestate`, to be passed on unchanged. No state counts without a parent."""
    parent = headers.get("traceparent", "").strip()
    if not (_PARENT.fullmatch(parent) or _LATER_PARENT.fullmatch(parent)):
        return TraceContext()
    state = headers.get("tracestate", "").strip()
    return TraceContext(parent, state if _is_state(state) else "")


def _is_state(state: str) -> bool:
    members = [member.strip(" \t") for member in state.split(",")]
    present = [member for member in members if member]
    return len(state) <= MOST_STATE and len(members) <= MOST_MEMBERS and all(map(_MEMBER.fullmatch, present))
