"""All that was added for one agent: read, read again, listed, removed. One process at a time changes it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import gevent

from app.knowledge.pages.crawl import Crawl
from app.knowledge.pages.extracting import Extractor
from app.knowledge.pages.fetching import Fetcher
from app.knowledge.pages.kept import Pages, remove_file
from app.knowledge.pages.outcome import Outcome, Progress
from app.knowledge.pages.own_files import OwnFiles, copies
from app.knowledge.pages.sources import Source, Sources, is_at
from app.store.locks import try_lock
from app.tools.http_request.hosts import parse_host


class BusyError(Exception):
    """Another process changes this agent's pages."""


@dataclass(frozen=True, order=True)
class Kept:
    """A page or a file that was added: `read` is when, in UTC (ISO 8601)."""

    source: str
    address: str
    title: str
    file: Path
    read: str


class Collection:
    """In the agent's folder. Raises OSError where a file cannot be read or written, and SourcesError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.pages, self.sources = Pages(folder), Sources(folder)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes it meanwhile. Raises BusyError where somebody does."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(self._folder / ".lock")
        if lock is None:
            raise BusyError
        try:
            yield
        finally:
            os.close(lock)

    def read(self, source: Source, progress: Progress) -> Outcome:
        """Read the source, for the first time or again. KeyboardInterrupt ends it early: what was read is kept, and the
        rest is `waiting`."""
        known = next((each for each in self.sources.all() if each.address == source.address), None)
        if known:
            source.waiting, source.repeated = known.waiting, known.repeated
        self.sources.put(source)  # a run that is killed can be repeated
        gevent.get_hub().NOT_ERROR = (gevent.GreenletExit, SystemExit, KeyboardInterrupt)  # or gevent prints that
        with Extractor() as extractor:
            run = self._run(source, extractor, progress)
            try:
                run.run()
            except KeyboardInterrupt:
                run.outcome.stopped, run.outcome.interrupted = "it was interrupted", True
            run.finish()
        if known or run.outcome.written or run.outcome.unchanged:
            self.sources.put(source)
        else:
            self.sources.write([each for each in self.sources.all() if each.address != source.address])
        return run.outcome

    def kept(self) -> list[Kept]:
        """Every page and every file, by source and address."""
        pages = [(page.source, page.url, page.title, self.pages.file(page.url), page.read) for page in self.pages.all()]
        files = [
            (source.address, address, file.name, file, _utc(file.stat().st_ctime))
            for source in self.sources.all()
            for address, file in copies(self._folder, source)
        ]
        return sorted(Kept(*each) for each in [*pages, *files])

    def remove(self, addresses: Sequence[str]) -> tuple[list[str], list[str]]:
        """Remove what is kept at these addresses, and sources; of an address that ends with `/`, all below it. What is
        removed from a source that stays is not read again with it. Returns the addresses of both."""
        sources = self.sources.all()
        dropped = {source.address for source in sources if _is_at_one(source.address, addresses)}
        gone = [each for each in self.kept() if each.source in dropped or _is_at_one(each.address, addresses)]
        left = [source for source in sources if source.address not in dropped]
        for source in left:
            own = [each.address for each in gone if each.source == source.address]
            source.removed += [each for each in addresses if any(is_at(address, each) for address in own)]
        self.sources.write(left)
        for each in gone:
            remove_file(each.file)
        return [each.address for each in gone], sorted(dropped)

    def _run(self, source: Source, extractor: Extractor, progress: Progress) -> Crawl | OwnFiles:
        if source.kind in ("file", "folder"):
            return OwnFiles(source, self._folder, progress)
        hosts = [parse_host(host) for host in source.private_hosts]
        fetcher = Fetcher(hosts, source.bounds.pace, source.bounds.seconds)
        return Crawl(source, self.pages, fetcher, extractor, progress)


def _is_at_one(address: str, wanted: Sequence[str]) -> bool:
    return any(is_at(address, each) for each in wanted)


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
