"""What a site asks of programs that read it: robots.txt (RFC 9309), and the directives of its pages.

What RFC 9309 leaves open is decided as search engines do: 429 is a server that cannot answer, and a delay
(`Crawl-delay`) is heeded. Directives of pages: developers.google.com, "Robots meta tag, data-nosnippet, and
X-Robots-Tag specifications".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from app.knowledge.pages.fetching import AGENT, Fetcher, SkippedError
from app.knowledge.pages.urls import origin

MOST_BYTES = 512_000  # of a robots.txt; what stands behind them is not looked at
MOST_SITEMAPS = 20  # of a robots.txt

_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


@dataclass(frozen=True, slots=True)
class _Rules:
    """`refusal`: why nothing may be read; "" where the file says what may."""

    file: Protego
    refusal: str = ""


class Robots:
    """The robots.txt of each host that is asked for, read once through `fetcher`."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._rules: dict[str, _Rules] = {}

    def check(self, url: str) -> None:
        """Raises SkippedError where the address may not be read, and OutOfBoundsError."""
        rules = self._of(url)
        if rules.refusal:
            raise SkippedError(rules.refusal)
        if not rules.file.can_fetch(url, AGENT):
            raise SkippedError("robots.txt does not allow it")

    def sitemaps(self, url: str) -> Sequence[str]:
        """The sitemaps that the robots.txt of this address's host names."""
        return [*self._of(url).file.sitemaps][:MOST_SITEMAPS]

    def _of(self, url: str) -> _Rules:
        place = origin(url)
        if place not in self._rules:
            self._rules[place] = rules = self._read(f"{place}/robots.txt")
            self._fetcher.slow_down(urlsplit(place).hostname or "", rules.file.crawl_delay(AGENT) or 0.0)
        return self._rules[place]

    def _read(self, url: str) -> _Rules:
        try:
            body = self._fetcher.get(url, may=lambda _: None).body
        except SkippedError as error:
            missing = 400 <= error.status < 500 and error.status != 429
            return _Rules(Protego.parse(""), "" if missing else f"robots.txt cannot be read: {error}")
        return _Rules(Protego.parse(body[:MOST_BYTES].decode("utf-8-sig", "replace").replace("\0", "")))


def directives(header: str) -> frozenset[str]:
    """What the value of X-Robots-Tag says to this program, such as `noindex`: lower case, `none` as both it stands for.

    A name before a colon says to whom the directives behind it are, up to the next name.
    """
    to_us, found = True, set()
    for part in header.lower().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in _VALUED:
            to_us, part = name.strip() in (AGENT.lower(), "*"), rest  # noqa: PLW2901 - without the name
        if to_us:
            found.add(part.strip())
    return frozenset(found | ({"noindex", "nofollow"} if "none" in found else set()))
