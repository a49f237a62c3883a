"""From HTML to Markdown, such that models read it well and nothing of tables and prices is lost."""

import re
from copy import copy
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from markdownify import MarkdownConverter

from app.knowledge.documents import UnreadableError
from app.knowledge.reading.html_main import is_opener, tags

MOST_DEPTH = 150  # of elements within elements
MOST_COLUMNS, MOST_CELLS = 100, 200_000  # of a table; cells that span many are counted as many

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = [*_HEADINGS, "p", "div", "ul", "ol", "table", "section", "article", "blockquote", "pre"]
_ID = re.compile(r"[^\s{}#]+")
_TAG_LIKE = re.compile(r"<(?=[A-Za-z/!?])")
_MARKUP = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|(?:-+|=+)(?=\s*$)|```|~~~)")
_UNSEEN = re.compile("[\xad\u200b\u2060\ufeff]")  # soft hyphens and their like, within words
_SUPERSCRIPT = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_SUBSCRIPT = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_BLANKS = re.compile(" {2,}")
_DOUBLE = re.compile(r"(?<=\S) {2,}(?=\S)")
_BULLET = re.compile(r"^(?:[\u00b7\u2022\u25aa\u00a7o-]|\uf0b7|\uf0a7) +")  # as Word writes them, and fonts of signs
_SPOKEN = {"screen-reader-text", "sr-only", "visually-hidden"}  # classes of words that stand apart
_REDIRECT = re.compile(r"https?://www\.google\.com/url\?(?:.*&)?q=([^&]+)")  # of links in what Google Docs exports
_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")


def fragment_to_markdown(source: str) -> str:
    """Of HTML within Markdown."""
    soup = BeautifulSoup(source, "lxml")
    for each in soup.find_all(["script", "style", "template", "svg", "iframe"]):
        each.decompose()
    return to_markdown(soup, "")


def to_markdown(element: Tag, base: str) -> str:
    """The element's content as Markdown. Changes it. `base` is where relative links start; "" makes them mere text.
    Raises UnreadableError where a table is beyond measure."""
    _openers_to_headings(element)
    _flatten_layout(element)
    _flatten_depths(element)
    text = _Converter(base).convert_soup(element)
    return _LINES.sub("\n\n", text).strip()


def _openers_to_headings(element: Tag) -> None:
    """What opens something when it is clicked becomes the heading of that: a `summary`, a tab, an accordion's button.
    Its level is the lowest, so that it is never above a heading that follows."""
    panels = [each for each in tags(element) if each.get("role") == "tabpanel"]
    level = min((heading.name for panel in panels for heading in panel.find_all(_HEADINGS)), default="h6")
    for panel in panels:
        label = panel.get("aria-labelledby")
        tab = element.find(id=label) if label else None
        if tab is not None and panel.find(_HEADINGS) is None:
            heading = copy(tab)
            heading.name, heading.attrs = level, {}
            panel.insert(0, heading)
    for tabs in element.find_all(role="tablist"):
        if not tabs.find(role="tabpanel"):
            tabs.decompose()
    for each in [each for each in tags(element) if each.get("role") == "heading"]:
        level = str(each.get("aria-level") or "")
        each.name = f"h{level}" if f"h{level}" in _HEADINGS else "h2"
    for each in list(tags(element)):
        if each.name == "summary" or ("button" in {each.name, each.get("role")} and is_opener(each)):
            if each.find([*_HEADINGS, "button"]) or each.find_parent([*_HEADINGS, "dt", "li", "td", "th"]):
                each.unwrap()
            else:
                each.name = "h6"


def _flatten_layout(element: Tag) -> None:
    """Tables that only place what is in them become that."""
    for table in element.find_all("table"):
        cells = table.find_all(["td", "th"])
        rows = table.find_all("tr")
        spread = len(rows) == 1 and any(len(cell.find_all(_BLOCKS)) > 1 for cell in cells)
        layout = table.get("role") in {"presentation", "none"} or table.find(["table", *_HEADINGS]) is not None
        if layout or spread or len(cells) <= len(rows):
            for part in [*table.find_all(["tbody", "thead", "tfoot", "tr", "td", "th", "caption"]), table]:
                part.name = "div"


def _flatten_depths(element: Tag) -> None:
    """What is deep within others, as where a page forgets to end its elements, becomes lines: conversion recurses."""
    depths, deepest = {id(element): 0}, []
    for each in tags(element):
        depths[id(each)] = depth = depths[id(each.parent)] + 1
        if depth == MOST_DEPTH:
            deepest.append(each)
    for each in deepest:
        each.string = each.get_text("\n")


class _Converter(MarkdownConverter):  # type: ignore[misc] # without types
    """markdownify's, with tables of its own, links that lead somewhere, and without images."""

    def __init__(self, base: str) -> None:
        super().__init__(heading_style="ATX", bullets="-", wrap=True, wrap_width=None)
        self._base = base

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Only what would be taken for the structure of the document: prices with asterisks and addresses with
        underscores stay as they are."""
        text = _BLANKS.sub(" ", _UNSEEN.sub("", text).replace("\xa0", " "))
        return _MARKUP.sub(r"\1\\\2", _TAG_LIKE.sub("&lt;", text))

    def process_tag(self, node: Tag, parent_tags: set[str] | None = None) -> str:
        if node.name == "table":
            return self._table(node, parent_tags or set())
        text: str = super().process_tag(node, parent_tags=parent_tags)
        return text

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:  # noqa: N802 - markdownify's name
        text = " ".join(text.split())
        if not re.search(r"\w", text):
            return ""
        anchor = el.get("id") or _inner_anchor(el)
        mark = f" {{#{anchor}}}" if isinstance(anchor, str) and _ID.fullmatch(anchor) else ""
        heading: str = super().convert_hN(n, el, text + mark, parent_tags)
        return heading

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        words, href = text.strip(), str(el.get("href") or "").strip()
        if parent_tags.intersection(_HEADINGS):
            return text if re.search(r"\w", words) else ""
        address = self._absolute(href)
        if not address or not words or any(each.name in _BLOCKS for each in tags(el)):
            return text
        if redirect := _REDIRECT.match(address):
            address = unquote(redirect[1])
        scheme, _, rest = address.partition(":")
        if scheme in {"mailto", "tel"} and (rest.partition("?")[0] in words or scheme == "tel"):
            return text if re.search(r"\d|@", words) else f"{text} {rest}"
        before, after = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
        return f"{before}[{' '.join(words.split())}]({address}){after}"

    def _absolute(self, href: str) -> str:
        """ "" for what leads nowhere outside the page."""
        if not href or href.startswith("#"):
            return ""
        try:
            address = urljoin(self._base, href)
            scheme = urlsplit(address).scheme
        except ValueError:
            return ""
        known = scheme in {"http", "https", "mailto", "tel"}
        return re.sub(r"[\s()<>]", lambda match: f"%{ord(match[0]):02X}", address) if known else ""

    def convert_p(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if any(str(name).startswith("MsoListParagraph") for name in el.get_attribute_list("class")):
            text = _BULLET.sub("- ", text.strip())
        paragraph: str = super().convert_p(el, _DOUBLE.sub(" ", text), parent_tags)
        return paragraph

    def convert_span(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f" {text} " if _SPOKEN.intersection(el.get_attribute_list("class")) else text

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """What it shows, in words: the ways to pay are often pictures."""
        alt = " ".join(str(el.get("alt") or "").split())
        following = el.next_sibling
        return f"{' ' if el.previous_sibling else ''}{alt}{' ' if isinstance(following, NavigableString) else ''}"

    def convert_sup(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """The cents of a price, and powers, are no digits of the number before them."""
        return text.translate(_SUPERSCRIPT) if re.fullmatch(r"[\d+-]+", text.strip()) else text

    def convert_sub(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return text.translate(_SUBSCRIPT) if re.fullmatch(r"[\d+-]+", text.strip()) else text

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return text

    convert_th = convert_td

    def convert_dt(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """A term and what is said of it are a paragraph: `Parcels: 4.90 €`."""
        term = " ".join(text.split())
        colon = ":" if term[-1:].isalnum() else ""
        return f"\n\n{term}{colon}\n" if term else ""

    def convert_dd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"{text.strip()}\n" if text.strip() else ""

    def convert_li(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        if parent_tags.intersection({"td", "th"}):
            return f"{text.strip()}; " if el.find_next_sibling("li") else text.strip()
        item: str = super().convert_li(el, text, parent_tags)
        return item

    def _table(self, table: Tag, parent_tags: set[str]) -> str:
        """As GitHub's tables are. A cell that spans several is repeated in each: every row says all of itself."""
        tags = parent_tags | {"table", "tr"}
        caption = table.find("caption")
        title = f"{' '.join(super().process_tag(caption, tags).split())}\n\n" if caption else ""
        rows = self._rows(table, tags)
        if not rows:
            return f"\n\n{title}\n\n" if title else ""
        first = table.find("tr")
        cells = first.find_all(["td", "th"]) if first else []
        headed = bool(first and first.parent and first.parent.name == "thead") or all(c.name == "th" for c in cells)
        width = max(map(len, rows))
        lines = [row + [""] * (width - len(row)) for row in rows]
        if not headed or len(lines) == 1:
            lines.insert(0, [""] * width)
        lines.insert(1, ["---"] * width)
        return f"\n\n{title}" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n\n"

    def _rows(self, table: Tag, tags: set[str]) -> list[list[str]]:
        rows: list[list[str]] = []
        below: dict[int, tuple[int, str]] = {}  # by column, for how many rows which text reaches into it
        most = MOST_CELLS
        for element in table.find_all("tr"):
            row: list[str] = []
            cells = element.find_all(["td", "th"], recursive=False)
            while cells or any(column >= len(row) for column in below):
                column = len(row)
                if column not in below:
                    self._place(cells.pop(0) if cells else None, column, below, tags)
                left, text = below.pop(column)
                if left > 1:
                    below[column] = left - 1, text
                row.append(text)
                most -= 1
                if column > MOST_COLUMNS or not most:
                    raise UnreadableError(f"a table has more than {MOST_COLUMNS} columns or {MOST_CELLS:,} cells")
            if any(row):
                rows.append(row)
        return rows

    def _place(self, cell: Tag | None, column: int, below: dict[int, tuple[int, str]], tags: set[str]) -> None:
        """Enter the cell into all columns that it reaches into."""
        text = self._cell(cell, tags) if cell else ""
        down, across = (_span(cell, "rowspan"), _span(cell, "colspan")) if cell else (1, 1)
        for each in range(column, column + across):
            below[each] = down, text

    def _cell(self, cell: Tag, tags: set[str]) -> str:
        return " ".join(super().process_tag(cell, tags).split()).replace("|", r"\|")


def _span(cell: Tag, name: str) -> int:
    said = str(cell.get(name) or "")[:6]
    return min(int(said), MOST_COLUMNS) if said.isascii() and said.isdigit() and int(said) else 1


def _inner_anchor(heading: Tag) -> Any:
    """The id of an element within the heading, or of an empty one before it, as pages had them before HTML 5."""
    inner = heading.select_one("[id], a[name]")
    return (inner.get("id") or inner.get("name")) if inner else None
