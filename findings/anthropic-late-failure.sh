#!/bin/sh
# anthropic 2.14.0 (Python): a stream whose response began with 200, and in which an `error` event follows.
#
# Guess: the exception is that of the event's type, `overloaded_error`: `OverloadedError`, as for a response of the status
#   529; its `status_code` says that, and whoever tries again after 5xx does so.
# Seen: `APIStatusError` itself, with `status_code` 200. Code that looks at the class or at the status takes it for neither;
#   only `body["error"]["type"]` says what has happened.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check anthropic==2.14.0 2> /dev/null
cat > look.py <<'PYTHON'
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic

MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
           "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
ERROR = {"type": "overloaded_error", "message": "Overloaded"}


class Server(BaseHTTPRequestHandler):
    late = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200 if self.late else 529)
        self.send_header("Content-Type", "text/event-stream" if self.late else "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        body = json.dumps({"type": "error", "error": ERROR})
        start = json.dumps({"type": "message_start", "message": MESSAGE})
        told = f"event: message_start\ndata: {start}\n\nevent: error\ndata: {body}\n\n" if self.late else body
        self.wfile.write(told.encode())

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = anthropic.Anthropic(api_key="k", base_url=f"http://127.0.0.1:{server.server_port}", max_retries=0)
seen = []
for Server.late in (False, True):
    try:
        for _ in client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "Hi"}], stream=True):
            pass
    except anthropic.APIStatusError as error:
        seen.append((type(error).__name__, error.status_code, error.body["error"]["type"]))
print("before the first byte, and after it:", *seen)
assert seen == [("OverloadedError", 529, "overloaded_error"), ("APIStatusError", 200, "overloaded_error")], "changed"
PYTHON
.venv/bin/python look.py
