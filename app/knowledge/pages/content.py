"""What is kept of a page or a document: its main text as Markdown."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from app.knowledge.documents import Document, Section

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


@dataclass(frozen=True, slots=True)
class Content:
    """`links` and `canonical` are absolute addresses; `canonical` is "" where the page names none. `noindex`: it asks
    not to be found by search."""

    title: str
    language: str
    markdown: str
    links: tuple[str, ...] = ()
    canonical: str = ""
    noindex: bool = False

    @property
    def digest(self) -> str:
        """Of what is kept."""
        return hashlib.sha256(f"{self.title}\n{self.language}\n{self.markdown}".encode()).hexdigest()


def content_of(document: Document) -> Content:
    return Content(document.title, document.language, to_markdown(document))


def to_markdown(document: Document) -> str:
    """A document's sections as Markdown that reads as the same sections: what leads to a section stands behind its
    heading (`## Prices {#prices}`), which is empty where the section has none of its own."""
    blocks: list[str] = []
    before = Section((), "")
    for section in document.sections:
        blocks += [*_headings(before, section), section.text]
        before = section
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _headings(before: Section, section: Section) -> Iterator[str]:
    """What leads from one section to the next."""
    path, anchor = section.headings, f" {{{section.anchor}}}" if section.anchor else ""
    if path == before.headings:
        if section.anchor != before.anchor:
            yield f"######{anchor}"
    elif not path:
        yield f"##{anchor}"
    else:
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before.headings, path, strict=False)))
        for place in range(min(same, len(path) - 1), len(path)):
            level = "#" * min(place + 2, 6)  # the first is the document's title
            heading = _PUNCTUATION.sub(r"\\\1", path[place])
            yield f"{level} {heading}{anchor if place == len(path) - 1 else ''}"
