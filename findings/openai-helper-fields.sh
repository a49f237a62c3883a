#!/bin/sh
# openai 3.57.0 (Python): `client.chat.completions.stream(...)` and `reasoning_details`, which OpenRouter sends in pieces and
# wants back unmodified (its guide "Reasoning Tokens"). Each piece says its type, format and index.
#
# Guess: the message of `get_final_completion()` is what the server said, and may be handed back as it is: pieces of a list
#   are put together by `index`, and what is no text stays what it is.
# Seen: they are, and `type` stays; but every other text is taken for a piece of one: `format` is the three formats joined.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q openai==3.57.0
"$folder/v/bin/python" - <<'PYTHON'
import http.server, json, threading

import openai

PIECE = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
DETAILS = [{**PIECE, "text": "I should "}, {**PIECE, "text": "look."}, {**PIECE, "signature": "c2ln"}]
DELTAS = [*({"content": "", "reasoning_details": [piece]} for piece in DETAILS), {"content": "Noon."}]


def event(delta, reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"".join(map(event, DELTAS)) + event({}, "stop") + b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}", max_retries=0)
with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Time?"}]) as stream:
    (seen,) = stream.get_final_completion().choices[0].message.reasoning_details
print(seen)
assert seen == {**PIECE, "format": PIECE["format"] * 3, "text": "I should look.", "signature": "c2ln"}, "changed"
PYTHON
