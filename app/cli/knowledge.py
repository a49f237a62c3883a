"""`flask knowledge`: what agents may answer from."""

from collections.abc import Iterator

import click
from flask.cli import AppGroup

from app.engine.agent import Agent
from app.knowledge.documents import Document, UnreadableError
from app.knowledge.files import matching_files
from app.knowledge.passages import cut
from app.knowledge.reading.beside import documents
from app.web.services import services

knowledge = AppGroup("knowledge", help="What agents may answer from: checked.")


def chosen_agents(agent: str | None) -> list[Agent]:
    """The one of that id, or all that have knowledge where none is named. Raises UsageError."""
    agents = services().settings.agents
    if agent is None:
        return [each for each in agents.values() if each.knowledge]
    if agent not in agents:
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(agents)}.")
    return [agents[agent]]


@knowledge.command("check")
@click.option("--agent", help="Only this agent's files; those of all agents else.")
def check_knowledge(agent: str | None) -> None:
    """Read each file of knowledge: path, passages, language where the file says it, title.

    Standard error names what cannot be read, and why; the status is 1 then.
    """
    agents = chosen_agents(agent)
    paths = sorted({path for each in agents for path in matching_files(each.knowledge)})
    passages = dict(_told(paths))
    for each in agents:
        files = matching_files(each.knowledge)
        read = [path for path in files if path in passages]
        count, refused = sum(passages[path] for path in read), len(files) - len(read)
        click.echo(f"{each.id}: {_counted(len(read), 'file')}, {_counted(count, 'passage')}, {refused} not read")
    if len(passages) < len(paths):
        raise SystemExit(1)


def _told(paths: list[str]) -> Iterator[tuple[str, int]]:
    """Print what was read of each path; yield those that were, with their number of passages."""
    for path, found in documents(paths):
        if isinstance(found, UnreadableError):
            click.echo(f"{path}: not read: {found}", err=True)
            continue
        passages = sum(1 for _ in cut(found))
        click.echo("\t".join([path, _counted(passages, "passage"), *_about(found)]))
        yield path, passages


def _about(document: Document) -> list[str]:
    return ["draft, left out" if document.draft else document.language or "no language", document.title]


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
