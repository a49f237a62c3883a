#!/bin/sh
# sseclient-py 1.9.0 (Python), beside httpx-sse 0.4.3: a stream of server-sent events whose connection ends within an event, as
# a proxy's time limit leaves it.
#
# Guess: the event is not told. "If the file ends in the middle of an event, before the final empty line, the incomplete event
#   is not dispatched" (HTML Living Standard, 9.2.6).
# Seen: httpx-sse tells what was whole. sseclient-py tells the half as an event like any other, with its id; who asks again
#   with that as `Last-Event-ID` never gets the other half.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sseclient-py==1.9.0 httpx-sse==0.4.3 httpx==0.28.1
cat > "$folder/look.py" <<'PYTHON'
import httpx
from httpx_sse import EventSource
from sseclient import SSEClient

BODY = b"id: 1\ndata: first\n\nid: 2\ndata: sec"

whole = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=BODY)
seen = {
    "httpx-sse": [(event.id, event.data) for event in EventSource(whole).iter_sse()],
    "sseclient-py": [(event.id, event.data) for event in SSEClient(iter([BODY])).events()],
}
print(seen)
assert seen == {"httpx-sse": [("1", "first")], "sseclient-py": [("1", "first"), ("2", "sec")]}, "changed"
PYTHON
"$folder/venv/bin/python" "$folder/look.py"
