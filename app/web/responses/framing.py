"""The two ways of framing a stream (server-sent events, NDJSON), and JSON as callers need it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from flask import Response

# `no-cache` is what the wires' documents name; `no-transform` keeps proxies from compressing, which holds tokens back.
STREAM_HEADERS = {"Cache-Control": "no-cache, no-store, no-transform", "X-Accel-Buffering": "no"}

SSE = "text/event-stream; charset=utf-8"
# A comment, and no blank line: that would end an event, and one client (@microsoft/fetch-event-source 2.0.1) makes a
# message without data of it. What follows is the next event's first line, so it comes between two events only.
SSE_KEEP_ALIVE = b": keep-alive\n"

NDJSON = "application/x-ndjson; charset=utf-8"
NDJSON_KEEP_ALIVE = b"\n"

_SEPARATORS = [(text.encode(), f"\\u{ord(text):04x}".encode()) for text in ("\u2028", "\u2029", "\x85")]

ascii_string = json.encoder.encode_basestring_ascii
"""A JSON string of ASCII only (str): whole however the network cuts it, for clients that decode chunk by chunk."""


def json_bytes(value: Any) -> bytes:
    """Compact JSON in raw UTF-8, in one line for whoever splits it: httpx's `iter_lines` and requests' with
    `decode_unicode` take U+2028, U+2029 and U+0085 for line ends, as `str.splitlines` does, so these are escaped."""
    data = orjson.dumps(value)
    return data if data.isascii() else _in_one_line(data)


def json_text(text: str) -> bytes:
    """The same of a text, at less cost: every token comes through here."""
    data = orjson.dumps(text)
    if text.isascii() or not ("\u2028" in text or "\u2029" in text or "\x85" in text):
        return data
    return _in_one_line(data)


def _in_one_line(data: bytes) -> bytes:
    for separator, escape in _SEPARATORS:
        data = data.replace(separator, escape)
    return data


def regex_string(text: str) -> bytes:
    r"""A JSON string in raw UTF-8 whose quotation marks are \u0022: clients that cut it out with a regular
    expression stop at the first `"`, escaped or not."""
    inner = json_text(text)[1:-1]
    return b'"' + inner.replace(rb"\"", rb"\u0022") + b'"'


def json_response(body: Mapping[str, Any] | Sequence[Any] | None, status: int = 200) -> Response:
    """Compact JSON, whatever mode Flask runs in: some callers cut it apart with grep."""
    return Response(json_bytes(body), status, content_type="application/json")


def no_content() -> Response:
    """204."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def sse(data: bytes) -> bytes:
    """One server-sent event."""
    return b"data: " + data + b"\n\n"


def sse_json(**fields: Any) -> bytes:
    """One server-sent event whose data is a JSON object."""
    return sse(json_bytes(fields))
