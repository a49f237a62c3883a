"""Reads the pages of one source: where it begins, what its sitemaps list, and what its pages link to."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from app.knowledge.pages.content import Content
from app.knowledge.pages.extracting import Extractor
from app.knowledge.pages.fetching import Fetcher, OutOfBoundsError, Response, SkippedError, gunzipped
from app.knowledge.pages.kept import Page, Pages, header
from app.knowledge.pages.outcome import Outcome, Progress
from app.knowledge.pages.repeated import LEAST_PAGES, digests_of, find_repeated, without_repeated
from app.knowledge.pages.robots import Robots
from app.knowledge.pages.sitemaps import is_sitemap, walk
from app.knowledge.pages.sources import Source
from app.knowledge.pages.urls import Scope, file_name, is_asset, is_document, is_trap, origin, path_below, target

MOST_FOUND = 20_000  # addresses of a source that are looked at
MOST_LISTED = 200_000  # in its sitemaps, other sites' included
MOST_WAITING = 2_000  # that are remembered for the next run
MOST_QUERIES = 100  # links to addresses that differ in their query alone: a calendar goes on for ever


class Crawl:
    """One run over a source: `run` reads, `finish` tidies up what was read, also where `run` was interrupted.

    A run looks at MOST_FOUND addresses at most; the source's bounds and the fetcher's hold besides. Both methods raise
    OSError where a page cannot be written; what was written stays.
    """

    def __init__(
        self, source: Source, pages: Pages, fetcher: Fetcher, extractor: Extractor, progress: Progress
    ) -> None:
        self.outcome = Outcome()
        self._source, self._pages, self._progress = source, pages, progress
        self._fetcher, self._extractor = fetcher, extractor
        self._robots = Robots(fetcher)
        self._scope = Scope(source.address, path_below(source.address))
        self._follows = False  # links to pages, not to documents alone
        self._queue: deque[tuple[str, int]] = deque()
        self._seen: set[str] = set()
        self._queries = Counter[str]()
        self._again: list[str] = []  # skipped for the moment
        self._texts: dict[str, str] = {}  # hash of a page's text -> its address
        self._moved: dict[str, str] = {}  # where a page is now -> the address by which it is kept

    def run(self) -> None:
        """Reads pages until there are no more, or a bound is reached."""
        kept = self._pages.all()
        self._texts = {page.hash: page.url for page in kept}
        own = [page.url for page in kept if page.source == self._source.address]
        try:
            links = self._start(own)
            self._add(own, 1)
            self._add(self._source.waiting, 1)
            if self._source.kind != "page":
                self._add_site(links)
            while self._queue:
                if len(self.outcome.written) + len(self.outcome.unchanged) >= self._source.bounds.pages:
                    raise OutOfBoundsError(f"there are more than {self._source.bounds.pages} pages")
                url, depth = self._queue[0]
                self._add_links(self._read(url), depth + 1)
                self._queue.popleft()
        except OutOfBoundsError as error:
            self.outcome.stopped = str(error)

    def finish(self) -> None:
        """Take what repeats off the pages that were written, and note in the source what the next run has to know."""
        repeated, written = self._source.repeated, list(dict.fromkeys(self.outcome.written))
        if len(written) >= LEAST_PAGES:
            repeated = {**find_repeated((url, digests_of(self._pages.text(url))) for url in written), **repeated}
        self._source.repeated = {digest: url for digest, url in repeated.items() if self._pages.file(url).exists()}
        for url in written:
            page, text = self._pages.get(url), self._pages.text(url)
            kept = without_repeated(url, text, self._source.repeated)
            if page and kept != text:
                self._pages.write(page, kept)
        waiting = dict.fromkeys([*(url for url, _ in self._queue), *self._again])
        self._source.waiting = list(waiting)[:MOST_WAITING]

    def _start(self, kept: Sequence[str]) -> Sequence[str]:
        """Read the source's own address, which says where its site is, and with it the pages that are kept. Returns its
        links."""
        address = self._source.address
        self._seen.add(address)
        self._progress(address, 0, 1)
        try:
            response = self._fetcher.get(address, self._may_begin, _conditions(self._pages.get(address)))
            self._scope = self._scope.moved(response.url)
            places = ((self._scope.place(url), url) for url in kept)
            self._moved = {place: url for place, url in places if place and place != url}
            if is_sitemap(gunzipped(response.body)):
                self._source.kind = "sitemap"
                self._scope = Scope(response.url, "/")
                return ()
            return self._take(address, response)
        except SkippedError as error:
            self._skip(address, error)
            return ()

    def _add_site(self, links: Sequence[str]) -> None:
        """Queue the pages of a site: those that its sitemaps list, or else those that its start links to."""
        start = self._scope.start
        named = [start] if self._source.kind == "sitemap" else self._robots.sitemaps(start)
        walked = walk(named or [f"{origin(start)}/sitemap.xml"], self._sitemap, self._skip if named else _say_nothing)
        places = filter(None, map(self._scope.place, islice(walked, MOST_LISTED)))
        listed = list(islice(places, MOST_FOUND))
        self._add(listed, 1)
        self._follows = self._source.kind == "site" and not listed
        self._add_links(links, 1)

    def _sitemap(self, url: str) -> bytes:
        """What is at this address. Raises SkippedError."""
        self._tell(url)
        return gunzipped(self._fetcher.get(url, self._may_begin).body)

    def _add(self, urls: Iterable[str], depth: int) -> None:
        """Queue those of the site that are new."""
        for url in urls:
            place = self._scope.place(url)
            if (
                place
                and place not in self._seen
                and len(self._seen) < MOST_FOUND
                and not self._source.leaves_out(place)
            ):
                self._seen.add(place)
                self._queue.append((place, depth))

    def _add_links(self, links: Sequence[str], depth: int) -> None:
        """Queue what a page links to, where links are followed; to documents they are but for a source of one page."""
        if self._source.kind == "page" or depth > self._source.bounds.depth:
            return
        wanted = [link for link in links if is_document(link) or (self._follows and not is_asset(link))]
        for place in dict.fromkeys(filter(None, map(self._scope.place, wanted))):
            path, query, _ = place.partition("?")
            self._queries[path] += bool(query) and place not in self._seen
            if not is_trap(place) and self._queries[path] <= MOST_QUERIES:
                self._add([place], depth)

    def _read(self, url: str, *, alternate: bool = False) -> Sequence[str]:
        """Read and keep the page, and return its links. Where it is the `alternate` of another, nothing it names as its
        own address is asked for in its place."""
        kept = self._pages.get(url)
        self._tell(url)
        try:
            return self._take(url, self._fetcher.get(url, self._may, _conditions(kept)), alternate=alternate)
        except SkippedError as error:
            self._skip(url, error)
            return ()

    def _take(self, asked: str, response: Response, *, alternate: bool = False) -> Sequence[str]:
        """Keep what has been answered, and return its links. Raises SkippedError."""
        url = self._scope.place(response.url) or response.url
        if response.status == 304:
            self.outcome.unchanged.append(url)
            return ()
        if url != asked:
            if url in self._seen:
                raise SkippedError(f"leads to {url}, which is read anyway", gone=response.moved)
            self._seen.add(url)
        content = self._extractor.content_of(response)
        if content.noindex:
            self._skip(url, SkippedError("asks not to be found by search (noindex)", gone=True))
            return content.links
        own = self._own_address(url, content.canonical)
        if own and not alternate:
            links = () if own in self._seen else self._read_own(own)
            if self._pages.get(own):
                self._skip(url, SkippedError(f"is the page {own}", gone=True))
                return links
        old = self._pages.get(asked if url != asked and response.moved else self._moved.get(url, url))
        if old and old.url != url:
            self._texts.pop(old.hash, None)
        self._keep(url, content, response.headers)
        if old and old.url != url:
            self._remove(old.url)
        return content.links

    def _own_address(self, url: str, canonical: str) -> str | None:
        """The address that the page gives as its own, where it is another. That of the site's start is not believed of
        a page with another path: many sites have it on all pages by mistake."""
        own = self._scope.place(canonical) if canonical else None
        if own in (None, url) or (own == f"{origin(url)}/" and url.partition("?")[0] != own):
            return None
        return own

    def _read_own(self, own: str) -> Sequence[str]:
        self._seen.add(own)
        return self._read(own, alternate=True)

    def _keep(self, url: str, content: Content, headers: Mapping[str, str]) -> None:
        """Write the page where it has changed. Raises SkippedError where it has nothing of its own to say."""
        if not content.markdown.strip():
            raise SkippedError("has no text; perhaps scripts put it there")
        digest = content.digest
        other = self._texts.setdefault(digest, url)
        if other != url and self._pages.get(other):
            raise SkippedError(f"says the same as {other}")
        self._texts[digest] = url
        known = {"etag": header(headers.get("etag", "")), "last_modified": header(headers.get("last-modified", ""))}
        kept = self._pages.get(url)
        if kept and kept.hash == digest:
            if replace(kept, **known) != kept:
                self._pages.write(replace(kept, **known), self._pages.text(url))
            self.outcome.unchanged.append(url)
            return
        if kept:
            self._texts.pop(kept.hash, None)
        source = kept.source if kept else self._source.address
        title = content.title or file_name(url) or target(url).host
        page = Page(url=url, title=title, language=content.language, source=source, hash=digest, **known)
        self._pages.write(page, content.markdown)
        self.outcome.written.append(url)

    def _skip(self, url: str, error: SkippedError) -> None:
        self.outcome.skipped[url] = str(error)
        if not error.gone:
            self._again.append(url)
        elif self._pages.get(url):
            self._remove(url)

    def _tell(self, url: str) -> None:
        self._progress(url, len(self._seen) - len(self._queue), len(self._queue))

    def _remove(self, url: str) -> None:
        self._pages.remove(url)
        self.outcome.removed.append(url)

    def _may_begin(self, url: str) -> None:
        if not self._scope.is_at(url):
            raise SkippedError(f"leads to {url}; add that address if it is meant")
        self._robots.check(url)

    def _may(self, url: str) -> None:
        if not self._scope.covers(url):
            raise SkippedError(f"leads to {url}, which is no page of the site")
        self._robots.check(url)


def _say_nothing(_url: str, _error: SkippedError) -> None:
    """A site need not have a sitemap."""


def _conditions(kept: Page | None) -> Mapping[str, str]:
    """Headers by which the server says whether the page has changed (RFC 9110, section 13)."""
    if not kept:
        return {}
    said = {"If-None-Match": kept.etag, "If-Modified-Since": kept.last_modified}
    return {name: value for name, value in said.items() if value}
