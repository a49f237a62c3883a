"""What stands on most pages of a site, such as a notice or a teaser, and says nothing of any one of them."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

LEAST_PAGES = 5  # of fewer nobody can say what repeats
SHARE = 0.6  # of the pages that a block stands on
MOST_LOOKED_AT = 1_000  # blocks of a page
MOST_BLOCKS = 500  # that are remembered of a site

_HEADING = re.compile(r"#{1,6}(?:\s|$)")


def find_repeated(pages: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Of pages by their addresses, with the digests of their blocks: those blocks that repeat -> the first page with
    it, on which it stays, so that nothing is lost."""
    first: dict[str, str] = {}
    counts, number = Counter[str](), 0
    for url, digests in pages:
        number += 1
        for digest in dict.fromkeys(digests):
            first.setdefault(digest, url)
            counts[digest] += 1
    least = max(LEAST_PAGES, SHARE * number)
    return {digest: first[digest] for digest, count in counts.most_common(MOST_BLOCKS) if count >= least}


def digests_of(text: str) -> list[str]:
    """A digest of each of the first MOST_LOOKED_AT blocks of a Markdown text. Headings have none: they say what stands
    below them."""
    return [_digest(block) for block in _blocks(text)[:MOST_LOOKED_AT] if not _HEADING.match(block)]


def without_repeated(url: str, text: str, repeated: Mapping[str, str]) -> str:
    """The page's text without the blocks that stay on another page."""
    kept = [block for block in _blocks(text) if _HEADING.match(block) or repeated.get(_digest(block), url) == url]
    return "\n\n".join(kept) + "\n"


def _blocks(text: str) -> list[str]:
    """What blank lines part. Code between fences is no exception: a piece that repeats says as little there."""
    return [block for block in re.split(r"\n\s*\n", text.strip("\n")) if block.strip()]


def _digest(block: str) -> str:
    return hashlib.sha256(" ".join(block.split()).encode()).hexdigest()[:24]
