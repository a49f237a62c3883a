#!/bin/sh
# litellm 1.110.2 (Python): a conversation with tool calls for a model on Bedrock, whose Converse API wants the tools defined
# where they were called, and has no choice of none. OpenAI's own form of that is `tools` with `tool_choice: "none"`.
#
# Guess: LiteLLM sends the tools and leaves the choice out, as it translates the rest of a request.
# Seen: with the choice it refuses the request itself, with status 400, before Bedrock is asked; without the choice it sends
#   the tools; without either it tells the calls in words. The form that says the least thus needs no setting (`drop_params`).
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y AWS_REGION_NAME=us-east-1 \
    "$folder/v/bin/python" - <<'PYTHON'
import http.server, json, threading

import litellm

litellm.suppress_debug_info = True
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
MESSAGES = [
    {"role": "user", "content": "Time?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "abcdefghi", "content": "12:00"},
    {"role": "assistant", "content": "Noon."},
    {"role": "user", "content": "Thanks"},
]
PARAMETERS = {"type": "object", "properties": {"zone": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "clock", "description": "The time.", "parameters": PARAMETERS}}]
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "ok"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


def outcome(**fields):
    """The status of a refusal, and else what Bedrock is asked about tools: defined or not, calls as such or in words."""
    model, url = "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0", f"http://127.0.0.1:{server.server_port}"
    try:
        litellm.completion(model=model, messages=MESSAGES, api_base=url, **fields)
    except litellm.UnsupportedParamsError as error:
        return error.status_code, len(asked)
    payload = asked.pop()
    return "toolConfig" in payload, "toolUse" in json.dumps(payload["messages"])


seen = {
    "tools, tool_choice none": outcome(tools=TOOLS, tool_choice="none"),
    "tools": outcome(tools=TOOLS),
    "neither": outcome(),
}
print(seen)
expected = {"tools, tool_choice none": (400, 0), "tools": (True, True), "neither": (False, False)}
assert seen == expected, "changed"
PYTHON
