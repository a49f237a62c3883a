"""The AI SDK from npm, run by Node: the programs in tests/clients/npm, and what they tell of a conversation."""

import fcntl
import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from app.testing.configuration import CONFIG
from app.testing.server import Server

NPM = Path(__file__).parents[1] / "clients" / "npm"
VERSIONS = ("5", "newest")

SHOP = """
[agents.shop]                      # some of its tools run in the visitor's page
model = "scripted"
widget_key_wires = ["agents"]
tools = ["calculator", "knowledge"]
knowledge = ["knowledge/*.md"]

[agents.shop.client_tools.locate]
description = "Where the visitor is"

[agents.shop.client_tools.confirm]
description = "Asks the visitor"
parameters = { type = "object", properties = { question = { type = "string" } }, required = ["question"] }

[agents.archive]                   # is told what it knows, and has no tool to look it up
model = "scripted"
knowledge = ["knowledge/*.md"]
"""


def config(added: str = SHOP, **limits: str) -> str:
    """The configuration that tests share, with more agents."""
    text = CONFIG
    for wire, limit in limits.items():
        text = text.replace(f'{wire} = "100000/minute"', f'{wire} = "{limit}"')
    return text + added


@cache
def installed(folder: Path = NPM) -> Path:
    """The folder of the programs, with all that its package-lock.json names. Skips where there is no npm."""
    missing = [program for program in ("node", "npm") if not shutil.which(program)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    lock, done = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other tests run beside these
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            command = ["npm", "ci", "--ignore-scripts=false", "--no-audit", "--no-fund"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            assert ran.returncode == 0, ran.stderr
    return folder


class Program:
    """One version of the SDK in a process of its own, which holds conversations one after the other. Use `with`."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._process = subprocess.Popen(
            ["node", "serve.mjs", version], cwd=installed(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def run(self, program: str, **given: Any) -> dict[str, Any]:
        """What the program tells, having seen that each chunk is as the SDK's schema wants it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"program": program, **given}) + "\n")
        self._process.stdin.flush()
        assert wait([self._process.stdout], 30), "the program says nothing"
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "crash" not in told, told["crash"]
        for exchange in told["exchanges"]:
            assert exchange["invalid"] == []
            if exchange.get("status") == 200 and not exchange["url"].endswith("/stop"):
                assert exchange["headers"]["x-vercel-ai-ui-message-stream"] == "v1"
                assert exchange["headers"]["content-type"] == "text/event-stream; charset=utf-8"
                assert exchange["raw"].endswith("data: [DONE]\n\n") or "cut" in exchange
        return told


@dataclass
class Talk:
    """A conversation from the client's side. `after` has the messages and the status after each step."""

    id: str
    errors: list[str]
    finished: list[dict[str, Any]]
    after: list[dict[str, Any]]
    exchanges: list[dict[str, Any]]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.after[-1]["messages"]

    @property
    def answer(self) -> dict[str, Any]:
        """The last message, which is the assistant's."""
        assert self.messages[-1]["role"] == "assistant"
        return self.messages[-1]

    @property
    def texts(self) -> list[str]:
        return [text(message) for message in self.messages]

    @property
    def conversation_id(self) -> str:
        return self.answer["metadata"]["conversationId"]


@dataclass
class Client:
    """One version of the SDK, talking to one agent with one key."""

    program: Program
    server: Server
    agent: str
    key: str

    @property
    def url(self) -> str:
        return f"{self.server.url}/api/v2/agents/{self.agent}"

    def talk(self, *steps: dict[str, Any], **given: Any) -> Talk:
        """See npm/chat.mjs."""
        return Talk(**self.program.run("chat", **{"api": f"{self.url}/chat", "key": self.key, "steps": steps, **given}))

    def read(self, question: str) -> dict[str, Any]:
        """See npm/read.mjs."""
        return self.program.run("read", api=f"{self.url}/chat", key=self.key, text=question)

    def mistakes(self, messages: list[dict[str, Any]]) -> list[str]:
        """Of UI messages, as the SDK's safeValidateUIMessages finds them."""
        found: list[str] = self.program.run("validate", messages=messages)["mistakes"]
        return found

    def history(self, conversation_id: str, **query: Any) -> list[dict[str, Any]]:
        """What the histories show."""
        url = f"{self.url}/conversations/{conversation_id}/messages"
        response = requests.get(url, query, headers={"Authorization": f"Bearer {self.key}"}, timeout=30)
        response.raise_for_status()
        return response.json()["data"]

    def stored(self, conversation_id: str) -> list[dict[str, Any]]:
        """What lies in the database, superseded messages too."""
        return self.server.messages(conversation_id.replace("-", ""))


def send(text: str, **more: Any) -> dict[str, Any]:
    """A step: the user says something."""
    return {"send": text, **more}


def regenerate(index: int | None = None) -> dict[str, Any]:
    """A step: another answer, to the last question or in place of the message at `index`."""
    return {"regenerate": index}


def text(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def of_type(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """A message's parts of one type."""
    return [part for part in message["parts"] if part["type"] == kind]
