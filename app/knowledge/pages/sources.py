"""How the pages and files of an agent were added, so that they can be read again: one JSON file for each agent."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

import orjson

from app.knowledge.pages.kept import write_whole

NAME = ".sources.json"  # in the agent's folder; hidden files are no knowledge

Kind = Literal["page", "site", "sitemap", "file", "folder"]


class SourcesError(Exception):
    """The file cannot be understood; the text names it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one source: pages that are kept, links from the start, seconds in all, seconds between two requests."""

    pages: int = 500
    depth: int = 10
    seconds: float = 3600.0
    pace: float = 0.2


@dataclass
class Source:
    """What was added with one address, or one path of a file.

    - `private_hosts`: hosts that may have private addresses, as the operator wrote them.
    - `waiting`: addresses that were found and not read, since a bound or a failure came before.
    - `removed`: addresses that the operator has removed; those that end with `/` with all below them.
    - `repeated`: hash of each block that stands on most pages -> the page on which it stays.
    """

    address: str
    kind: Kind
    bounds: Bounds = field(default_factory=Bounds)
    private_hosts: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    repeated: dict[str, str] = field(default_factory=dict)

    def leaves_out(self, url: str) -> bool:
        """Whether the operator has removed this address."""
        return any(is_at(url, each) for each in self.removed)


def is_at(url: str, address: str) -> bool:
    """Whether it is this address, or below it where that ends with `/`."""
    return url == address or (address.endswith("/") and url.startswith(address))


class Sources:
    """The sources of the agent in whose folder they are written down. Raises OSError where that file does."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME

    def all(self) -> list[Source]:
        """In the order in which they were added. Raises SourcesError."""
        try:
            return [_source(each) for each in orjson.loads(self._file.read_bytes())["sources"]]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourcesError(f"{self._file} is damaged: remove it, and add again what it named.") from error

    def write(self, sources: Sequence[Source]) -> None:
        listed = {"sources": [asdict(each) for each in sources]}
        write_whole(self._file, orjson.dumps(listed, option=orjson.OPT_INDENT_2))

    def put(self, source: Source) -> None:
        """In the place of the one with this address, or behind the others. Raises SourcesError."""
        sources = self.all()
        places = [place for place, each in enumerate(sources) if each.address == source.address]
        if places:
            sources[places[0]] = source
        else:
            sources.append(source)
        self.write(sources)


def _source(values: dict[str, object]) -> Source:
    known = {each.name for each in fields(Source)}
    loaded = {name: value for name, value in values.items() if name in known}
    return Source(**{**loaded, "bounds": Bounds(**loaded["bounds"])})  # type: ignore[arg-type]
