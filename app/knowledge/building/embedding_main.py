"""The child process in which the worker has texts embedded: beside that of process_main.py, since this one has the key
of a model's server, and that one reads files of others.

Requests and replies are JSON: {"home": …, "version": the worker's, "name": of an index, "model": its options,
"doubted": …}, and {"missing": …, "refused": …, "reason": "…"} or {"failed": "…", "traceback": "…"}.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.knowledge.building.embedding import embed
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.process_main import STALL_SECONDS, alive, answer, give_way
from app.processes.serving import serve


def main(parent: int) -> None:
    """Answer requests until there are no more. `parent` is the parent's process id."""
    give_way()
    serve(parent, lambda request: answer(request, embedded))


def embedded(folder: IndexFolder, asked: Mapping[str, Any]) -> dict[str, Any]:
    seconds = STALL_SECONDS + asked["model"]["timeouts"]["total"]
    return asdict(embed(folder, asked["name"], asked["model"], lambda *_: alive(seconds), doubted=asked["doubted"]))
