"""What several commands do before they do anything else: have the indexes of knowledge up to date."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from app.engine.agent import Agent
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError, Progress, build


def index_knowledge(home: Path, agents: Iterable[Agent]) -> None:
    """Build what is out of date. Standard error names the files that cannot be read, or says why there is no index,
    and shows on a terminal what is being read."""
    folder = IndexFolder(home)
    told: set[str] = set()
    for agent in agents:
        try:
            name = build_visibly(folder, agent)
            lines = (
                [f"{path} cannot be read: {why}" for (path, *_), why in folder.report(name).problems] if name else []
            )
        except BuildError as error:
            lines = [f"The knowledge of {agent.id!r} cannot be indexed: {error}"]
        for line in lines:
            if line not in told:
                click.echo(line, err=True)
        told.update(lines)


def build_visibly(folder: IndexFolder, agent: Agent) -> str:
    """See `build` in app/knowledge/building."""
    with _progress(f"Reading what {agent.id!r} knows") as progress:
        return build(folder, agent.knowledge, progress)


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    with ExitStack() as stack:
        bar: Any = None

        def show(done: int, total: int, path: str) -> None:
            nonlocal bar
            if bar is None and total:
                made: Any = click.progressbar(
                    length=total, label=label, file=sys.stderr, hidden=not sys.stderr.isatty(), show_pos=True,
                    item_show_func=lambda path: Path(path).name if path else "",
                )  # fmt: skip
                bar = stack.enter_context(made)
            if bar is not None:
                bar.update(max(done - bar.pos, 0), path)

        yield show
