"""Callers of the wires `openai` and `messages`, and agents on a model server, which records what it is asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from support.agents import configured, keys

from app.testing.model_server import ModelServer
from app.testing.server import Server

PIXEL = "iVBORw0KGgo="
HERE = f"data:image/png;base64,{PIXEL}"
AT = "https://example.com/a.png"


def tables(upstream: ModelServer) -> str:
    """For each provider an agent of its name whose model takes images, and one, `blind-NAME`, whose model does not."""
    return "".join(
        f"""
[models.seeing-{api}]
provider = "{api}"
base_url = "{upstream.url}/v1"
model = "m-1"
images = true
aliases = ["alias-{api}"]

[models.blind-{api}]
provider = "{api}"
base_url = "{upstream.url}/v1"
model = "m-1"

[agents.{api}]
model = ["seeing-{api}", "blind-{api}"]
tools = ["calculator"]

[agents.system-{api}]
model = "seeing-{api}"
tools = ["calculator"]
allow_system = true

[agents.blind-{api}]
model = "blind-{api}"
"""
        for api in ("openai", "anthropic")
    )


@contextmanager
def vendors_server(home: Path, upstream: ModelServer) -> Iterator[Server]:
    with Server(home, config=configured(tables(upstream))) as running:
        yield running


@dataclass(frozen=True)
class VendorCaller:
    """Somebody with a secret key for an agent, whom it asks by its id unless a body says otherwise."""

    server: Server
    agent: str
    key: str
    path: str

    @classmethod
    def new(cls, server: Server, agent: str, path: str) -> "VendorCaller":
        return cls(server, agent, keys(server).create("secret", agent), path)

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        sent = {"Authorization": f"Bearer {self.key}", **({} if data is None else {"Content-Type": "application/json"})}
        url = f"{self.server.url}{path}"
        return requests.request(method, url, data=data, headers={**sent, **(headers or {})}, timeout=30)

    def post(self, *messages: Mapping[str, Any], **fields: Any) -> requests.Response:
        """A field that is None is left out."""
        usual = {"model": self.agent, "max_tokens": 4000, "messages": [*messages]}
        body = {name: value for name, value in (usual | fields).items() if value is not None}
        return self.call("POST", self.path, body)


def asked(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}
