"""`flask knowledge`: what agents may answer from."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from textwrap import shorten

import click

from app.cli.common import printable
from app.cli.indexing import index_knowledge
from app.cli.parts import parts
from app.engine.agent import Agent
from app.knowledge.building.embedding import open_vectors
from app.knowledge.building.folder import IndexFolder
from app.knowledge.documents import Document, UnreadableError
from app.knowledge.files import matching_files
from app.knowledge.index.index import CONFIDENT, Index
from app.knowledge.meaning import Meaning
from app.knowledge.passages import cut
from app.knowledge.ranking import Ranked, ranked
from app.knowledge.reading.beside import documents
from app.knowledge.search import MOST_PASSAGES, MOST_QUERY
from app.language.recognition import recognised
from app.settings.records import Settings

_SECTIONS = 50  # by which a language is recognised

knowledge = click.Group("knowledge", help="What agents may answer from: added, checked, asked.")


def chosen_agents(agent: str | None) -> list[Agent]:
    """The one of that id, or all that have knowledge where none is named. Raises UsageError."""
    agents = parts().settings.agents
    if agent is None:
        return [each for each in agents.values() if each.knowledge]
    if agent not in agents:
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(agents)}.")
    return [agents[agent]]


@knowledge.command("check")
@click.option("--agent", help="Only this agent's files; those of all agents else.")
def check_knowledge(agent: str | None) -> None:
    """Read each file of knowledge: path, passages, language, title.

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
            click.echo(printable(f"{path}: not read: {found}"), err=True)
            continue
        passages = sum(1 for _ in cut(found))
        columns = [path, _counted(passages, "passage"), *_about(found)]
        click.echo("\t".join(printable(column) for column in columns))
        yield path, passages


def _about(document: Document) -> list[str]:
    """Its language, as it says it or as it reads, and its title."""
    text = "\n".join(section.text for section in document.sections[:_SECTIONS])
    language = document.language or recognised(text) or "no language"
    return ["draft, left out" if document.draft else language, document.title]


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@knowledge.command("ask")
@click.argument("question")
@click.option("--agent", help="Whose files; those of the agent of callers who name none else.")
def ask_knowledge(question: str, agent: str | None) -> None:
    """Print the passages that an agent would answer QUESTION from, best first, each with what it was found by.

    Indexes are brought up to date first, beside a running server or without one. A passage that is `sure` is one that
    the built-in model answers with.
    """
    settings = parts().settings
    (asked,) = chosen_agents(agent or settings.default_agent.id)
    index_knowledge(settings, [asked])
    name = IndexFolder(settings.home).current(asked.knowledge)
    found = _ranked(settings, asked, name, question) if name else []
    for each in found:
        click.echo("\n".join(printable(line) for line in _lines(each)))
    if not found:
        click.echo(f"Nothing is found in what {asked.id!r} knows.", err=True)


def _ranked(settings: Settings, agent: Agent, name: str, question: str) -> Sequence[Ranked]:
    """What of this index a model would get."""
    folder, vectors, vector, query = IndexFolder(settings.home), None, None, question[:MOST_QUERY]
    with closing(Index(folder.index_file(name))) as index:
        if agent.embeddings:
            with closing(Meaning(agent.embeddings, settings.models[agent.embeddings].options)) as meaning:
                vectors, _ = open_vectors(folder, name, meaning.key, index.entries)
                vector = meaning.of_question(query) if vectors else None
        return ranked(index, query, MOST_PASSAGES, vectors, vector)


def _lines(found: Ranked) -> Iterator[str]:
    hit, entry = found.hit, found.hit.entry
    sure = "sure" if hit.confidence >= CONFIDENT else "not sure"
    yield " > ".join([entry.source, *entry.headings]) + (f"  {entry.url}" if entry.url else "")
    yield f"    {sure}: {hit.confidence:.2f}, where the built-in model answers from {CONFIDENT:.2f} on"
    if found.words:
        yield f"    words: number {found.words}, score {hit.score:.2f}: {hit.why}"
    if found.meaning:
        yield f"    meaning: number {found.meaning}, cosine {found.cosine:.2f}"
    yield f"    {shorten(entry.text, 300, placeholder=' …')}"
