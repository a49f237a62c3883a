#!/bin/sh
# mistralai 3.7.0 (Python): `client.chat.stream(...)` where the last piece has a reason to end and no content, as servers
# of the chat-completions API send it (`"delta": {}`).
#
# Guess: `delta.content` is None or "" there, as for a piece with `"content": null`, so `content or ""` joins all pieces.
# Seen: it is an object of a class of its own, `Unset`. It is false, so `content or ""` is right; but `is not None`, which
#   the types suggest, lets it through, and joining the texts raises TypeError.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q mistralai==3.7.0
"$folder/v/bin/python" - <<'PYTHON'
import http.server, json, threading

from mistralai.client import Mistral


def chunk(delta, reason):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(chunk({"content": "Hello"}, None) + chunk({}, "stop") + b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Mistral(api_key="k", server_url=f"http://127.0.0.1:{server.server_port}")
request = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
contents = [event.data.choices[0].delta.content for event in client.chat.stream(**request)]
print(contents, "false:", not contents[-1])
assert contents[0] == "Hello"
assert type(contents[-1]).__name__ == "Unset" and not contents[-1], "changed"
try:
    "".join(each for each in contents if each is not None)
    raise SystemExit("changed: they can be joined")
except TypeError as error:
    print("joined:", error)
PYTHON
