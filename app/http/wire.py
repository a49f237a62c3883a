"""The two ways of framing a stream, and JSON strings as their callers need them."""

import json

import orjson

STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

SSE = "text/event-stream; charset=utf-8"
SSE_KEEP_ALIVE = b": keep-alive\n\n"

NDJSON = "application/x-ndjson; charset=utf-8"
NDJSON_KEEP_ALIVE = b"\n"

ascii_string = json.encoder.encode_basestring_ascii
"""A JSON string of ASCII only (str): whole however the network cuts it, for clients that decode chunk by chunk."""


def regex_string(text: str) -> bytes:
    r"""A JSON string in raw UTF-8 whose quotation marks are \u0022: clients that cut it out with a regular
    expression stop at the first `"`, escaped or not."""
    inner = orjson.dumps(text)[1:-1]
    return b'"' + inner.replace(rb"\"", rb"\u0022") + b'"'


def sse(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
