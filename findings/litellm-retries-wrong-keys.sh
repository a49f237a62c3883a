#!/bin/sh
# litellm 1.110.2: `completion(..., num_retries=2)` where a server refuses for good.
#
# Guess: 401 (wrong key), 402 (no credits) and 404 (no such model) are told at once, as OpenAI's own client does and as the
#   headers of the response ask for (`x-should-retry: false`); 429 comes again after what `Retry-After` says.
# Seen: each of them is asked three times, all at once: `Retry-After: 1` is not waited for. So a server that counts attempts
#   with wrong keys counts three for one. And where the package `tenacity` is missing, which litellm does not ask for, the
#   server's refusal is lost: what is raised is a bare `Exception` about that package.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check litellm==1.110.2 2> /dev/null
cat > look.py <<'PYTHON'
import json, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import litellm

litellm.suppress_debug_info = True
asked: list[float] = []


class Refusing(BaseHTTPRequestHandler):
    status = 401

    def do_POST(self) -> None:
        asked.append(time.monotonic())
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"type": "error", "error": {"type": "refused", "message": "no", "code": "no", "param": None}}).encode()
        self.send_response(self.status)
        for name, value in {"Content-Type": "application/json", "x-should-retry": "false", "Retry-After": "1"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
seen = {}
for route, base in (("openai/m", f"{url}/v1"), ("anthropic/m", url)):
    for Refusing.status in (401, 402, 404, 429):
        asked.clear()
        try:
            litellm.completion(route, [{"role": "user", "content": "Hi"}], api_key="k", api_base=base, num_retries=2)
        except Exception as error:
            seen[route, Refusing.status] = (type(error).__name__, len(asked), round(asked[-1] - asked[0]), str(error)[:80])
for each, told in seen.items():
    print(*each, *told)
times = 1 if sys.argv[1] == "without" else 3
assert {(asked, waited) for _, asked, waited, _ in seen.values()} == {(times, 0)}, "changed"
assert all(("tenacity" in words) == (times == 1) for *_, words in seen.values()), "changed"
PYTHON
export LITELLM_LOCAL_MODEL_COST_MAP=True
.venv/bin/python look.py without
.venv/bin/pip install --quiet --disable-pip-version-check tenacity==9.1.2 2> /dev/null
.venv/bin/python look.py with
