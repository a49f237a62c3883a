"""`flask knowledge add`, `list`, `remove` and `refresh`: pages of sites, and files, that agents answer from."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from app.cli.common import echo_json, json_option, printable
from app.cli.knowledge import knowledge
from app.cli.parts import parts
from app.knowledge.files import pages_folder
from app.knowledge.pages.collection import BusyError, Collection, Kept
from app.knowledge.pages.outcome import Outcome
from app.knowledge.pages.sources import Bounds, Kind, Source, SourcesError, is_at
from app.knowledge.pages.urls import normalised
from app.store.faults import os_problem
from app.tools.http_request.hosts import parse_host
from app.tools.http_request.metadata import names_metadata

_NO_ADDRESS = " has an address that may not be reached"
_BAR = 20  # characters
_BOUNDS = Bounds()


def _check_hosts(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            host = parse_host(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        if names_metadata(host.name):
            raise click.BadParameter(f"{host.name} is a cloud's metadata service, which is never reached.")
    return values


@knowledge.command()
@click.argument("sources", nargs=-1, required=True, metavar="URL|FILE...")
@click.option("--agent", help="Whose knowledge; the public agent's, or the only one's, else.")
@click.option(
    "--site/--page", default=None, help="All pages below the address, or it alone; a site where it ends with / else."
)
@click.option(
    "--pages", type=click.IntRange(1, 20_000), default=_BOUNDS.pages, show_default=True, help="At most so many."
)
@click.option(
    "--depth", type=click.IntRange(0, 100), default=_BOUNDS.depth, show_default=True, help="Links from the start."
)
@click.option(
    "--seconds", type=click.FloatRange(1, 86_400), default=_BOUNDS.seconds, show_default=True, help="For each source."
)
@click.option(
    "--pace", type=click.FloatRange(0, 60), default=_BOUNDS.pace, show_default=True, help="Seconds between requests."
)
@click.option(
    "--private-host",
    "hosts",
    multiple=True,
    callback=_check_hosts,
    help="HOST[:PORT] of yours whose address is private.",
)
def add(  # noqa: PLR0917 - an option each
    sources: tuple[str, ...],
    agent: str | None,
    site: bool | None,
    pages: int,
    depth: int,
    seconds: float,
    pace: float,
    hosts: tuple[str, ...],
) -> None:
    """Read pages of a site, and files, and keep them as what an agent answers from.

    URL is a page, a sitemap, or with / at its end a site: all pages below it that its sitemap lists or its pages link
    to, and the PDF and DOCX files among them. FILE is a file or a folder. What is left out is told on standard error.
    The status is 1 where nothing is kept.
    """
    bounds = Bounds(pages, depth, seconds, pace)
    wanted = [Source(*_what(source, site), bounds, list(hosts)) for source in sources]
    with _changing(_agent(agent)) as collection:
        _end(_read(collection, wanted))


@knowledge.command("list")
@click.option("--agent", help="Only this agent's.")
@json_option
def list_pages(agent: str | None, as_json: bool) -> None:
    """Every page and file that was added: agent, source, address, when read (UTC), size, title."""
    found: list[dict[str, Any]] = []
    for agent_id, collection in _collections(agent):
        with _problems_told(agent_id):
            for each in collection.kept():
                size, read = each.file.stat().st_size, each.read[:16].replace("T", " ")
                columns = [agent_id, each.source, each.address, read, f"{size} bytes", each.title]
                if as_json:
                    found.append(_described(agent_id, each, size))
                else:
                    click.echo("\t".join(printable(column) for column in columns))
    if as_json:
        echo_json(found)


def _described(agent_id: str, kept: Kept, size: int) -> dict[str, Any]:
    return {
        "agent": agent_id,
        "source": kept.source,
        "address": kept.address,
        "read_at": datetime.fromisoformat(kept.read),
        "bytes": size,
        "title": kept.title,
    }


@knowledge.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--agent", help="Whose knowledge; the public agent's, or the only one's, else.")
def remove(addresses: tuple[str, ...], agent: str | None) -> None:
    """Remove pages and files by their addresses in the list; of an address that ends with /, all below it.

    A page that is removed from a site stays away when the site is read again. The status is 1 where there is none.
    """
    with _changing(_agent(agent)) as collection:
        gone, dropped = collection.remove([_address(each) for each in addresses])
    for address in gone:
        click.echo(printable(address))
    if not gone and not dropped:
        raise click.ClickException("There is no such page: see `flask knowledge list`.")


@knowledge.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS...]")
@click.option("--agent", help="Only this agent's.")
def refresh(addresses: tuple[str, ...], agent: str | None) -> None:
    """Read again what was added: all of it, or the sources at ADDRESS. Only what has changed is written; pages that are
    gone are removed, those that fail for the moment stay. The status is 1 where nothing is kept."""
    outcomes: list[Outcome] = []
    for agent_id, collection in _collections(agent):
        with _problems_told(agent_id):
            anything = _sources_at(collection, addresses)
        if anything:
            with _changing(agent_id):
                outcomes += _read(collection, _sources_at(collection, addresses))
    if not outcomes:
        raise click.ClickException("Nothing of that was added: see `flask knowledge list`.")
    _end(outcomes)


def _sources_at(collection: Collection, addresses: Sequence[str]) -> list[Source]:
    """All where there are no addresses."""
    wanted = [_address(each) for each in addresses]
    return [each for each in collection.sources.all() if not wanted or any(is_at(each.address, at) for at in wanted)]


def _what(source: str, site: bool | None) -> tuple[str, Kind]:
    address = _address(source)
    if not _is_url(address):
        if not Path(address).exists():
            raise click.UsageError(f"There is no file {source}. The address of a page begins with https:// or http://.")
        return address, "folder" if Path(address).is_dir() else "file"
    return address, "site" if site or (site is None and address.endswith("/")) else "page"


def _address(text: str) -> str:
    """In the one spelling that is kept."""
    if not _is_url(text):
        path = os.path.abspath(text)  # noqa: PTH100 - without `..`, and links stay: what they lead to may be replaced
        return f"{path}/" if text.endswith("/") and not Path(path).is_dir() else path
    try:
        return normalised(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _is_url(text: str) -> bool:
    return bool(re.match("[a-z][a-z0-9+.-]*://", text, re.IGNORECASE))


def _agent(name: str | None) -> str:
    settings = parts().settings
    if name is None and len(settings.agents) > 1 and not settings.public_agent:
        raise click.UsageError(f"Say whose knowledge it is with --agent: {', '.join(settings.agents)}.")
    agent_id = name or settings.default_agent.id
    if agent_id not in settings.agents:
        raise click.UsageError(f"There is no agent {name!r}; there are: {', '.join(settings.agents)}.")
    return agent_id


def _collections(name: str | None) -> Iterator[tuple[str, Collection]]:
    for agent_id in [_agent(name)] if name else parts().settings.agents:
        yield agent_id, Collection(pages_folder(parts().settings.home, agent_id))


@contextmanager
def _changing(agent_id: str) -> Iterator[Collection]:
    collection = Collection(pages_folder(parts().settings.home, agent_id))
    with _problems_told(agent_id), collection.alone():
        yield collection


@contextmanager
def _problems_told(agent_id: str) -> Iterator[None]:
    """In one line, with status 1; click ends quietly where the reader of the output has gone."""
    try:
        yield
    except BrokenPipeError:
        raise
    except BusyError as error:
        raise click.ClickException(f"Another command changes the pages of {agent_id!r}: try again later.") from error
    except SourcesError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        error.filename = error.filename or str(pages_folder(parts().settings.home, agent_id))
        raise click.ClickException(os_problem(error)) from error


def _read(collection: Collection, sources: Sequence[Source]) -> Iterator[Outcome]:
    """Read each and say what was done, until somebody interrupts."""
    for source in sources:
        outcome = collection.read(source, _show_progress if sys.stderr.isatty() else _show_nothing)
        _tell(source, outcome)
        yield outcome
        if outcome.interrupted:
            break


def _end(outcomes: Iterator[Outcome] | Sequence[Outcome]) -> None:
    done = list(outcomes)
    if not any(outcome.written or outcome.unchanged for outcome in done) or done[-1].interrupted:
        raise SystemExit(1)


def _tell(source: Source, outcome: Outcome) -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    for address, reason in outcome.skipped.items():
        click.echo(printable(f"{address}: {reason}"), err=True)
    if outcome.skipped.get(source.address, "").endswith(_NO_ADDRESS):
        click.echo("Where that is a server of your own, name it with --private-host HOST:PORT.", err=True)
    if outcome.stopped:
        waiting = f"; {len(source.waiting)} addresses wait for the next time" if source.waiting else ""
        click.echo(f"{source.address}: not all was read: {outcome.stopped}{waiting}", err=True)
    counts = [(len(outcome.written), "read"), (len(outcome.unchanged), "unchanged"), (len(outcome.removed), "removed")]
    told = [f"{count} {word}" for count, word in [*counts, (len(outcome.skipped), "left out")] if count]
    click.echo(f"{source.address}: {', '.join(told) or 'nothing to read'}")


def _show_progress(address: str, done: int, waiting: int) -> None:
    bar = "#" * round(_BAR * done / max(done + waiting, 1))
    line = printable(f"[{bar:<{_BAR}}] {done}/{done + waiting} {address}")
    click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", nl=False, err=True)


def _show_nothing(_address: str, _done: int, _waiting: int) -> None:
    """Where nobody looks."""
