"""Clients of vendors' APIs, each in a process of its own that asks for all that the tests want to know."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from support.sdk import installed
from support.vendor_models import IMAGE, VendorsModel, vendors_config

from app.testing.server import ROOT, Server, eventually

CLIENTS = ROOT / "tests" / "clients"
PATHS = {"openai": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
REASONS = {"openai": ("stop", "tool_calls"), "messages": ("end_turn", "tool_use"), "responses": ("completed",) * 2}
USUAL = {
    "key": "AuthenticationError",
    "model": "NotFoundError",
    "request": "BadRequestError",
    "image": "BadRequestError",
    "unpaid": "APIStatusError",
    "broken": "APIError",
    "limit": "RateLimitError",
}
STATUSES = {"key": 401, "model": 404, "request": 400, "image": 400, "unpaid": 402}


@dataclass(frozen=True)
class Client:
    """One client. `arguments` follow its interpreter: node, or the Python of the environment `venv`. `classes` are
    those of its errors that are not `USUAL`; `stop` and `tool` are its words for why an answer ends."""

    name: str
    wire: str
    arguments: Sequence[str]
    venv: str = ""
    classes: Mapping[str, str] = field(default_factory=dict, hash=False)
    stop: str = ""
    tool: str = ""

    def __str__(self) -> str:
        return self.name

    def class_of(self, failure: str) -> str:
        return {**USUAL, **self.classes}[failure]

    @property
    def reasons(self) -> tuple[str, str]:
        """Of an answer, and of one that calls a tool."""
        stop, tool = REASONS[self.wire]
        return self.stop or stop, self.tool or tool


@dataclass(frozen=True)
class Ran:
    """What a client told, and what it asked: how often with which status, and of the model."""

    told: Mapping[str, Any]
    statuses: Sequence[int]
    limited: Sequence[int]
    asked: Sequence[Mapping[str, Any]]
    headers: Sequence[Mapping[str, str]]
    key: str


class Vendors:
    """A server, one that takes a request a second of each key, and the model behind both."""

    def __init__(self, model: VendorsModel, server: Server, limited: Server) -> None:
        self._model, self._server, self._limited = model, server, limited
        self._ran: dict[str, Ran] = {}

    def ran(self, client: Client) -> Ran:
        """It runs once for all tests."""
        if client.name not in self._ran:
            self._ran[client.name] = self._run(client)
        return self._ran[client.name]

    def key(self, *options: str) -> str:
        return self._server.key("secret", "desk", *options)

    @property
    def url(self) -> str:
        return self._server.url

    def _run(self, client: Client) -> Ran:
        self._model.requests.clear()
        before = [len(server.log("request")) for server in (self._server, self._limited)]
        key, path = self.key(), PATHS[client.wire]
        given = {
            "url": self._server.url,
            "limited": self._limited.url,
            "mirror": self._model.url,
            "key": key,
            "unpaid": self.key("--credits", "0"),
            "limitedKey": self._limited.key("secret", "desk"),
            "image": IMAGE,
        }
        program, folder = ["node", "ask.mjs"], CLIENTS / "npm-vendors"
        if client.venv:
            program, folder = [str(environment(client.venv) / "bin" / "python")], CLIENTS / "programs" / "vendors"
        else:
            installed(folder)
        command = [*program, *client.arguments[:1], json.dumps(given), *client.arguments[1:]]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stderr
        statuses, limited = (
            eventually(lambda server=server, number=number: self._statuses(server, number, path))
            for server, number in zip((self._server, self._limited), before, strict=True)
        )
        requests = [*self._model.requests]
        told = json.loads(ran.stdout.rstrip("\n").rpartition("\n")[2])
        mirrored = [request.headers for request in requests if b"mirror" in request.data]
        return Ran(told, statuses, limited, [request.json for request in requests], mirrored, key)

    @staticmethod
    def _statuses(server: Server, before: int, path: str) -> list[int]:
        return [line["status"] for line in server.log("request")[before:] if line["path"] == path]


@contextmanager
def vendors(home: Path) -> Iterator[Vendors]:
    with (
        VendorsModel() as model,
        Server(home / "server", config=vendors_config(model)) as server,
        Server(home / "limited", config=vendors_config(model, "1/second")) as limited,
    ):
        yield Vendors(model, server, limited)


@cache
def environment(name: str) -> Path:
    """The folder of an environment with what requirements-NAME.txt names, which is installed where it is missing."""
    with (ROOT / f"requirements-{name}.txt").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # other tests run beside these
        command = ["make", f"PYTHON={sys.executable}", f".venv-{name}/installed"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
        assert ran.returncode == 0, ran.stderr
    return ROOT / f".venv-{name}"
