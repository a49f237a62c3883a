#!/bin/sh
# openai 3.57.0 (Python): `client.chat.completions.stream(...)` and an answer that is cut at `max_tokens`.
#
# Guess: `get_final_completion()` returns the text with `finish_reason == "length"`, as `create(stream=True)` does; the
#   exception LengthFinishReasonError is for answers that are parsed (`response_format`).
# Seen: it is raised for plain text too. What was said until then is in `error.completion`.
#
# Who answers such clients cannot tell them "length" without raising there. (Compare: `create(stream=True)`, below.)
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q openai==3.57.0
"$folder/v/bin/python" - <<'PYTHON'
import http.server, json, threading

import openai


def chunk(content, reason):
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": reason}
    event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(chunk("Half of", None) + chunk(None, "length") + b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
request = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}

plain = list(client.chat.completions.create(**request, stream=True))
print("create(stream=True):", [(each.choices[0].delta.content, each.choices[0].finish_reason) for each in plain])
assert plain[-1].choices[0].finish_reason == "length"
try:
    with client.chat.completions.stream(**request) as stream:
        stream.get_final_completion()
    raise SystemExit("changed: nothing is raised")
except openai.LengthFinishReasonError as error:
    said = error.completion.choices[0].message.content
    print("stream():", type(error).__name__, "with", repr(said))
    assert said == "Half of"
PYTHON
