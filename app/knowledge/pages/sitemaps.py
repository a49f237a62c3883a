"""Sitemaps (sitemaps.org, protocol 0.9), read as leniently as search engines read them."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from lxml import etree

from app.knowledge.pages.fetching import SkippedError
from app.knowledge.pages.urls import normalised

MOST_FILES = 50  # of a site
DEPTH = 2  # of indexes below indexes; the protocol knows one
MOST_ENTRIES = 50_000  # of one file: the protocol's own bound

_ROOT = re.compile(rb"<(?:\w+:)?(?:urlset|sitemapindex)[\s>]")
_LOOKED_AT = 4096  # bytes in which the root element begins


@dataclass
class Sitemap:
    """Addresses as they stand there: of `pages`, and of further `sitemaps`."""

    pages: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)


def walk(urls: Sequence[str], get: Callable[[str], bytes], skip: Callable[[str, SkippedError], None]) -> Iterator[str]:
    """The pages that these sitemaps list, and those that they name. `get` raises SkippedError, which `skip` is told."""
    waiting, seen = deque((url, 0) for url in urls), set[str]()
    while waiting and len(seen) < MOST_FILES:
        url, depth = waiting.popleft()
        if url in seen:
            continue
        seen.add(url)
        try:
            data = get(normalised(url))
            if not is_sitemap(data):
                raise SkippedError("is no sitemap")
        except ValueError as error:
            skip(url, SkippedError(str(error)))
        except SkippedError as error:
            skip(url, error)
        else:
            found = read_sitemap(data)
            yield from found.pages
            waiting += [(each, depth + 1) for each in found.sitemaps if depth < DEPTH]


def is_sitemap(data: bytes) -> bool:
    """Whether it is one, by its content."""
    return bool(_ROOT.search(data[:_LOOKED_AT]))


def read_sitemap(data: bytes) -> Sitemap:
    """The first MOST_ENTRIES. Of a file with mistakes, what stands before them; entities of its own mean nothing."""
    sitemap = Sitemap()
    elements = etree.iterparse(
        BytesIO(data.lstrip(b"\xef\xbb\xbf \t\r\n")),  # many begin with an empty line, which XML forbids
        events=("end",),
        recover=True,
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
    )
    for _, element in elements:
        parent = element.getparent()
        if _name(element) == "loc" and parent is not None and element.text:
            found = {"url": sitemap.pages, "sitemap": sitemap.sitemaps}.get(_name(parent))
            if found is not None:
                found.append(element.text.strip())
        elif _name(element) in ("url", "sitemap"):
            element.clear()
        if len(sitemap.pages) + len(sitemap.sitemaps) >= MOST_ENTRIES:
            break
    return sitemap


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
