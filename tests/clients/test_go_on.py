"""A shell script that asks with curl over a line that breaks at random: on each wire the answer is whole, once, and
asked for once."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.wires import STREAMS

from app.testing.caller import Caller
from app.testing.server import new_session_id, script

PROGRAM = Path(__file__).with_name("programs") / "go-on.sh"
SEED = 1
WORDS = [
    "It is ",
    'said "so',
    "\\n ",
    "line\nend ",
    "中文 ",
    "👩‍👩‍👧‍👦",
    " data: {} ",
    "\u2028",
    "}\n\n",
    "id: 1.2 ",
    ".",
]
DELTA = re.compile(r'"(?:token|response|delta|content|text)":("(?:[^"\\]|\\.)*")')


ONE_ADDRESS = [wire for wire in STREAMS if not wire.tells_again]
"""Wires whose answers are all read on at the same address. (tests/clients/test_vendors_python.py has the others.)"""


@pytest.mark.parametrize("wire", ONE_ADDRESS, ids=repr)
def test_an_answer_is_whole_and_once_however_often_the_line_breaks(wire, server, key_of) -> None:
    missing = [program for program in ("bash", "curl", "head") if not shutil.which(program)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    caller = Caller(wire, server, key_of[wire.key_kind])
    begun = caller.ask(script({"text": "."})).content if wire.name == "agents" else b""  # which names the conversation
    known = re.search(rb'"conversationId":"([^"]+)"', begun)
    words = [*WORDS, new_session_id(), *WORDS]
    question = script(*(cue for word in words for cue in ({"text": word}, {"pause": 0.01})))
    body = {**caller.body(question), **({"conversationId": known[1].decode()} if known else {})}
    on = wire.stream_path(caller.path, body, begun)
    headers = [f"{name}: {value}" for name, value in wire.headers(caller.key).items()]
    urls = f"{server.url}{caller.path}", json.dumps(body), f"{server.url}{on}"
    command = ["bash", PROGRAM, f"{SEED}", *urls, *headers]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    *events, status = ran.stdout.split("\n")[:-1]
    assert (status, ran.stderr) == ("204", ""), "behind the end there is nothing"
    deltas = (DELTA.search(event) for event in events)
    assert "".join(json.loads(each[1]) for each in deltas if each) == "".join(words)
    stored = caller.stored(question)
    assert [(each["role"], each["status"]) for each in stored[-2:]] == [("user", "complete"), ("assistant", "complete")]
    assert len(stored) == (4 if known else 2)
