"""A script that cuts the answer out of the lines with a regular expression and never parses JSON."""

import re
import sys

import requests

url, key, question = sys.argv[1:]
with requests.post(
    url,
    json={"prompt": question, "stream": True},
    headers={"Authorization": f"Bearer {key}"},
    stream=True,
    timeout=20,
) as response:
    if not response.ok:
        sys.exit(f"{response.status_code}: {response.json()['error']}")
    for line in response.iter_lines():
        if line == b"data: [DONE]":
            break
        found = re.search(r'"response":"([^"]*)"', line.decode())
        if found:
            sys.stdout.write(found[1])
            sys.stdout.flush()
        failed = re.search(r'"error":"([^"]*)"', line.decode())
        if failed:
            sys.exit(failed[1])
    else:
        sys.exit("the stream was cut")
