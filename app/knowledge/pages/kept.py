"""The pages that are kept for an agent: a Markdown file for each, with what is known of it in front."""

import contextlib
import hashlib
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import yaml

MOST_HEADER = 200  # characters of an ETag or a date that are kept
MOST_FRONT = 16_384  # characters of what stands in front of a page
FILES = "+files"  # the folder with copies of files; no host has such a name

_NAME_LENGTH = 80
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, seven times as fast, where it is there
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_FRONT = re.compile(r"---\n(.*?)^---\n\n?", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """What stands in front of a page's Markdown; "" for what is not known.

    - `url`: where people find it, and by which it is kept.
    - `source`: what was added, of which it is a part.
    - `read`: when this text was read, in UTC (ISO 8601). `hash`: of what was read, before anything was taken off.
    - `etag`, `last_modified`: as the server says them, by which it tells whether the page has changed.
    """

    url: str
    title: str
    source: str
    hash: str
    language: str = ""
    etag: str = ""
    last_modified: str = ""
    read: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class Pages:
    """The pages in an agent's folder, in one for each host. Raises OSError where a file cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, url: str) -> Path:
        """Where this address is kept: under a name for people, with its hash, so that no two have the same."""
        parts = urlsplit(url)
        host = re.sub("[^a-z0-9._-]", "+", parts.netloc.lower()).strip(".")
        words = re.sub("[^a-z0-9]+", "-", f"{parts.path} {parts.query}".lower()).strip("-")[-_NAME_LENGTH:].strip("-")
        name = f"{words or 'index'}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.md"
        return self._folder / (host or "+") / name

    def get(self, url: str) -> Page | None:
        return _front(self.file(url))

    def all(self) -> list[Page]:
        """Sorted by address. Files that are none of pages are left out."""
        found = [page for path in self._folder.glob("*/*.md") if (page := _front(path))]
        return sorted(found, key=lambda page: page.url)

    def text(self, url: str) -> str:
        return _FRONT.sub("", self.file(url).read_text(encoding="utf-8"), count=1)

    def write(self, page: Page, text: str) -> None:
        known = {name: value for name, value in asdict(page).items() if value}
        front = yaml.dump(known, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=10_000)
        write_whole(self.file(page.url), f"---\n{front}---\n\n{text}".encode())

    def remove(self, url: str) -> None:
        remove_file(self.file(url))


def write_whole(path: Path, data: bytes) -> None:
    """Under its name once it is whole, or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(draft).chmod(0o644)  # the server may be another user
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def remove_file(path: Path) -> None:
    """With its folder, where nothing else is there. Raises OSError."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def header(value: str) -> str:
    """A header's value as it may be kept and sent back, "" where it may not."""
    return value if len(value) <= MOST_HEADER and value.isascii() and value.isprintable() else ""


def _front(path: Path) -> Page | None:
    """None where there is no such file, or it is none of a page."""
    try:
        with path.open(encoding="utf-8") as file:
            match = _FRONT.match(file.read(MOST_FRONT))
        values = yaml.load(match[1] if match else "", _LOADER)  # noqa: S506 - a safe one
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
        return None
    if not isinstance(values, dict) or not values.get("url"):
        return None
    return Page(**{each.name: str(values.get(each.name) or "") for each in fields(Page)})
