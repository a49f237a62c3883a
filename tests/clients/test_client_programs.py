"""Small programs in the style of real callers, run as their authors would run them: they see what was said."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.testing.server import script

CLIENTS = Path(__file__).with_name("programs")


@dataclass(frozen=True)
class Client:
    file: str
    program: str
    path: str
    kind: str
    parses: bool = True  # JSON; the others show escapes as they stand

    def __str__(self) -> str:
        return f"{self.file} {self.path}"


PROGRAMS = [
    Client("ndjson-chunks.mjs", "node", "/chat", "widget"),
    Client("ndjson-chunks.mjs", "node", "/v1/chat/stream", "widget"),
    Client("sse-lines.mjs", "node", "/api/chat", "secret"),
    Client("iter_lines.py", sys.executable, "/api/chat", "secret", parses=False),
    Client("grep.sh", "bash", "/api/chat", "secret", parses=False),
]

TEXTS = {
    "words": ["We", " are", " open", " from", " 9", " to", " 17."],
    "what looks like a frame": ["data: ", "[DONE]", " {}", "[]", ": ", "event: x"],
    "other scripts": ["Grüße ", "中文", " 👩‍👩‍👧‍👦", " a\u2028b", "\x85", "|"],
    "quotation marks": ['"', 'say "hi"', "'", '""', " end"],
    "line ends and backslashes": ["a\n", "b\\", "\\n", "\t", "c"],
}


@pytest.fixture(params=PROGRAMS, ids=str)
def client(request) -> Client:
    needed = {"bash": ["bash", "curl", "grep", "sed"]}.get(request.param.program, [request.param.program])
    missing = [program for program in needed if not shutil.which(program)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    return request.param


@pytest.fixture
def run(client, server, widget_key, secret_key):
    keys = {"widget": widget_key, "secret": secret_key}

    def run_it(question: str, key: str | None = None) -> subprocess.CompletedProcess[bytes]:
        arguments = [f"{server.url}{client.path}", key or keys[client.kind], question]
        command = [client.program, CLIENTS / client.file, *arguments]
        return subprocess.run(command, capture_output=True, timeout=20, check=False)

    return run_it


def shown(client: Client, tokens: list[str]) -> str:
    """What the client prints: those without a parser print JSON's escapes."""
    text = "".join(tokens)
    if client.parses:
        return text
    escapes = [("\n", "\\n"), ("\t", "\\t"), ("\u2028", "\\u2028"), ("\x85", "\\u0085")]
    for plain, escaped in [("\\", "\\\\"), ('"', "\\u0022"), *escapes]:
        text = text.replace(plain, escaped)
    return text


@pytest.mark.parametrize("name", TEXTS)
def test_the_program_shows_the_answer(client, run, name) -> None:
    tokens = TEXTS[name]
    ran = run(script(*({"text": token} for token in tokens)))
    assert (ran.stdout.decode(), ran.stderr.decode(), ran.returncode) == (shown(client, tokens), "", 0)


def test_the_program_takes_bursts_and_silence(run) -> None:
    ran = run(script({"pause": 0.4}, {"burst": ["a", "b", "c"]}, {"pause": 0.7}, {"burst": ["d", "e"]}, {"text": "f"}))
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"abcdef", b"", 0)


def test_the_program_is_told_of_a_failure_in_mid_answer(client, run) -> None:
    ran = run(script({"text": "so far"}, {"fail": "upstream_failed"}))
    assert ran.stdout.startswith(b"so far")
    assert b"The model failed to answer" in ran.stdout + ran.stderr
    assert ran.returncode == (0 if client.program == "bash" else 1)


def test_the_program_is_told_that_its_key_is_wrong(run) -> None:
    ran = run("hi", key="wrong")
    assert ran.stdout == b""
    assert b"401" in ran.stderr
    assert ran.returncode != 0


def test_the_program_is_told_that_the_model_is_overloaded(run) -> None:
    ran = run(script({"refuse": "overloaded"}))
    assert ran.stdout == b""
    assert b"503" in ran.stderr
    assert ran.returncode != 0
