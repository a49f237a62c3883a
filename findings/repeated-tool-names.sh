#!/bin/sh
# openai 3.57.0 and langchain-openai 1.7.4 (Python): a tool's call whose id and name stand in each of its pieces, as some
# servers of the chat-completions API send it (OpenAI's own sends both once).
#
# Guess: both libraries take the last value, or both join the pieces: the format says no more than that fields of a call
#   are given in pieces.
# Seen: openai's `chat.completions.stream` joins both, the id too ("aa", "ff"). langchain-openai keeps the id and joins
#   the name ("a", "ff"), so that the result goes to the right call of a tool that nobody has.
#
# A server that is read by both must send id and name once.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q openai==3.57.0 langchain-openai==1.7.4
"$folder/v/bin/python" - <<'PYTHON'
import http.server, json, threading

import openai
from langchain_openai import ChatOpenAI


def chunk(reason, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def piece(arguments):
    function = {"name": "f", "arguments": arguments}
    return chunk(None, tool_calls=[{"index": 0, "id": "a", "type": "function", "function": function}])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(piece('{"x"') + piece(":1}") + chunk("tool_calls") + b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"

client = openai.OpenAI(api_key="k", base_url=url, max_retries=0)
with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hello"}]) as stream:
    (call,) = stream.get_final_completion().choices[0].message.tool_calls
helper = (call.id, call.function.name, call.function.arguments)
print("openai:", helper)

pieces = iter(ChatOpenAI(model="m", api_key="k", base_url=url, max_retries=0).stream("Hello"))
whole = next(pieces)
for each in pieces:
    whole += each
(call,) = whole.tool_calls
chain = (call["id"], call["name"], call["args"])
print("langchain-openai:", chain)
assert helper == ("aa", "ff", '{"x":1}'), "changed"
assert chain == ("a", "ff", {"x": 1}), "changed"
PYTHON
