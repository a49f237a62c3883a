#!/bin/sh
# openai 3.57.0, anthropic 2.14.0 (Python): what their retries say to a server that would not do the same thing twice.
#
# Guess: each request that may be tried again carries an `Idempotency-Key`: `_base_client.py` makes one, "to ensure the
#   idempotency key is reused between requests", and a caller may give its own as the option `idempotency_key`.
# Seen: no header carries it, neither the one that is made nor the caller's, which is dropped without a word. The tries of a
#   request differ from two requests by `x-stainless-retry-count` alone. Callers who want a key have to send the header
#   themselves (`extra_headers`): then all tries have it.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q openai==3.57.0 anthropic==2.14.0
"$folder/v/bin/python" - <<'PYTHON'
import http.server, threading

import anthropic, openai

seen = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        seen.append((self.headers["idempotency-key"], self.headers["x-stainless-retry-count"]))
        self.send_response(503)
        self.send_header("retry-after-ms", "10")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
said = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
clients = {
    "openai": (openai.OpenAI(api_key="k", base_url=f"{url}/v1"), lambda client: client.chat.completions, {}),
    "anthropic": (anthropic.Anthropic(api_key="k", base_url=url), lambda client: client.messages, {"max_tokens": 5}),
}


def tries(ask, module):
    seen.clear()
    try:
        ask()
    except module.APIStatusError:
        pass
    return list(seen)


for name, (client, resource, more) in clients.items():
    module = {"openai": openai, "anthropic": anthropic}[name]
    plain = tries(lambda: resource(client).create(**said, **more), module)
    own = tries(lambda: client.post("/x", cast_to=object, body=said, options={"idempotency_key": "mine"}), module)
    header = tries(lambda: resource(client).create(**said, **more, extra_headers={"Idempotency-Key": "mine"}), module)
    print(name, plain, own, header)
    assert plain == own == [(None, "0"), (None, "1"), (None, "2")], "changed"
    assert header == [("mine", "0"), ("mine", "1"), ("mine", "2")], "changed"
PYTHON
