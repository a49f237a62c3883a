"""What several commands do before they do anything else: have the indexes of knowledge up to date."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from app.engine.agent import Agent
from app.knowledge.building.embedding import embed
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError, Progress, build
from app.settings.records import Settings


def index_knowledge(settings: Settings, agents: Iterable[Agent]) -> None:
    """Build and embed what is out of date. Standard error names the files that cannot be read, or says why there is no
    index, and shows on a terminal what is being done."""
    told: set[str] = set()
    for agent in agents:
        for line in _indexed(settings, agent):
            if line not in told:
                told.add(line)
                click.echo(line, err=True)


def _indexed(settings: Settings, agent: Agent) -> Iterator[str]:
    """A line for each problem."""
    folder = IndexFolder(settings.home)
    try:
        with _progress(f"Reading what {agent.id!r} knows") as progress:
            name = build(folder, agent.knowledge, progress)
        if not name:
            return
        if report := folder.report_of_whole(name):  # or a server beside this has another one already
            yield from (f"{path} cannot be read: {why}" for (path, *_), why in report.problems)
        if agent.embeddings:
            with _progress("Embedding") as progress:
                options = settings.models[agent.embeddings].options
                embedded = embed(folder, name, options, lambda done, total: progress(done, total, ""))
            if embedded.missing:
                yield f"{agent.embeddings!r} has not embedded {embedded.missing} passages: {embedded.reason}"
    except BuildError as error:
        yield f"The knowledge of {agent.id!r} cannot be indexed: {error}"


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
