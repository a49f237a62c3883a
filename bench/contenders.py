"""The relays that are measured, and how each is started and spoken to."""

import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from processes import ROOT, free_port

OURS = str(ROOT / ".venv/bin")


@dataclass(frozen=True)
class Wire:
    """What callers send and what stands before each token's text in what comes back."""

    path: str
    body: str
    marker: str


WIDGET = Wire("/chat", '{"sessionId":"SESSION","message":"MESSAGE"}', '"token":" ')
OPENAI = Wire(
    "/v1/chat/completions",
    '{"model":"bench","stream":true,"messages":[{"role":"user","content":"MESSAGE"}]}',
    '"content":" ',
)


@dataclass(frozen=True)
class Relay:
    short: str  # its name in ratios
    name: str
    port: int
    command: list[str]
    wire: Wire
    env: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT  # where it is started
    streams: int = 200  # while CPU and delays are measured
    rate: int = 50  # new callers a second beside these streams, while the time to the first token is measured
    held: int = 1000  # slow streams that are open while memory is measured


def relays(upstream: int, python: str, litellm: str | None, home: Path) -> list[Relay]:
    """The floor first. Each has a port of its own, so that all can be up at once."""
    ports = [free_port() for _ in range(5)]
    asked = [[str(port), str(upstream)] for port in ports]
    gevent, node, fastapi = "Floor: gevent, bytes unread", "Node http, by hand", "FastAPI, httpx, orjson"
    found = [
        Relay("floor", gevent, ports[0], [f"{OURS}/python", "bench/relays/floor.py", *asked[0]], OPENAI),
        parlance(upstream, ports[1], home),
        Relay("node", node, ports[2], ["node", "bench/relays/relay.mjs", *asked[2]], WIDGET),
        Relay("fastapi", fastapi, ports[3], [python, "bench/relays/fastapi_relay.py", *asked[3]], WIDGET),
    ]
    return [*found, litellm_proxy(upstream, ports[4], litellm, home)] if litellm else found


def parlance(
    upstream: int,
    port: int,
    home: Path,
    folder: Path = ROOT,
    more: Mapping[str, str] | None = None,
    *,
    programs: str = OURS,
) -> Relay:
    """As it is deployed: keys, limits, SQLite on disk, logs. Only the limits are wide, so that none is reached. In the
    folder is the build, in `more` what its environment has besides, and in `programs` the interpreter."""
    config = home / "parlance.toml"
    config.write_text(
        f'[models.up]\nprovider = "openai"\nbase_url = "http://127.0.0.1:{upstream}/v1"\nmodel = "bench"\n'
        '[agents.demo]\nmodel = "up"\n[limits]\nwidget = "100000000/minute"\n[server]\nstreams = 9000\n'
        "streams_per_caller = 9000\nstreams_per_key = 9000\n"
    )
    env = {"PARLANCE_HOME": str(home), "PARLANCE_CONFIG": str(config), "PORT": str(port), **(more or {})}
    key = ""
    for arguments in (["prepare"], ["keys", "create", "--agent", "demo", "--kind", "widget"]):
        ran = subprocess.run(
            [f"{programs}/flask", *arguments],
            cwd=folder, env={**os.environ, **env}, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        key = ran.stdout.strip()
    gunicorn = [f"{programs}/gunicorn", "--config", "config/gunicorn.conf.py"]
    return Relay("parlance", "Parlance, everything on", port, gunicorn, WIDGET, env, {"x-api-key": key}, folder=folder)


def litellm_proxy(upstream: int, port: int, program: str, home: Path) -> Relay:
    """LiteLLM's proxy with one worker and without a database. It does not start without a key, and would fetch a
    list of prices from the network."""
    config = home / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: bench\n    litellm_params:\n      model: openai/bench\n"
        f"      api_base: http://127.0.0.1:{upstream}/v1\n      api_key: none\n"
    )
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    key = f"sk-{secrets.token_hex(32)}"
    env = {
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
    }
    # It keeps up with fewer streams; overloaded, its delays would say nothing.
    headers = {"authorization": f"Bearer {key}"}
    return Relay("litellm", "LiteLLM proxy", port, command, OPENAI, env, headers, streams=20, rate=2, held=200)
