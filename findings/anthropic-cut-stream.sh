#!/bin/sh
# anthropic 2.14.0 (Python): `client.messages.stream(...)` and a stream that ends too early: inside a text block, without
# content_block_stop, message_delta and message_stop, as a proxy leaves it that ends the response in good order.
#
# Guess: `get_final_message()` raises: the protocol has an event for the end of each block and of the message.
# Seen: it returns what was said as a message like any other. All that tells is `stop_reason`, which is None, and the
#   count of output tokens, which is that of the message's start.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q anthropic==2.14.0
"$folder/v/bin/python" - <<'PYTHON'
import http.server, json, threading

import anthropic

MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
MESSAGE |= {"stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1}}
EVENTS = [
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half of"}},
]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in EVENTS:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = anthropic.Anthropic(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}", max_retries=0)
with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hello"}]) as stream:
    message = stream.get_final_message()
seen = ([block.text for block in message.content], message.stop_reason, message.usage.output_tokens)
print(seen)
assert seen == (["Half of"], None, 1), "changed"
PYTHON
