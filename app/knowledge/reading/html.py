"""HTML: the main text of a page as Markdown, and what a crawler wants to know of it."""

import re
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.builder import ParserRejectedMarkup

from app.knowledge.documents import Document, UnreadableError
from app.knowledge.reading import markdown
from app.knowledge.reading.encodings import decoded
from app.knowledge.reading.html_main import main_element
from app.knowledge.reading.html_markdown import to_markdown

_DECLARED = re.compile(
    rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w:.-]+)|^\s*<\?xml[^>]+encoding=["']([\w:.-]+)""", re.IGNORECASE
)
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>", re.IGNORECASE)
_SEPARATED = re.compile("\\s+[|\\-\u2013\u2014\u00b7\u2022\u00bb\u00ab:]+\\s+")
_NO_INDEX = re.compile(r"\b(?:noindex|none)\b", re.IGNORECASE)
_NO_FOLLOW = re.compile(r"\b(?:nofollow|none)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a site.

    - `title`: its heading, or else what it calls itself; "" where it does neither.
    - `language`: as a tag (BCP 47); "" where it does not say.
    - `markdown`: its main text, without menus and footers; links are absolute. Headings carry their ids:
      `## Prices {#prices}`.
    - `links`: the absolute http(s) addresses, without fragments, that all of it leads to, menus included, each once;
      none of those that it asks not to follow.
    - `canonical`: the absolute address that it gives as its own; "" where it gives none.
    - `noindex`: it asks not to be found by search.
    """

    title: str
    language: str
    markdown: str
    links: tuple[str, ...]
    canonical: str
    noindex: bool


def page(data: bytes, charset: str | None = None, url: str = "") -> Page:
    """The page whose bytes these are. `charset` is what its server says; `url` is where it was found, "" for a file,
    whose relative links lead nowhere. Raises UnreadableError."""
    soup = _parsed(data, charset)
    robots = " ".join(_content(soup, "name", "robots"))
    base = _base(soup, url)
    canonical = soup.find("link", rel="canonical", href=True)
    links = () if _NO_FOLLOW.search(robots) else _links(soup, base)
    language = _language(soup)
    declared = _titles(soup)
    styled = soup.find("p", class_="MsoTitle") or soup.select_one(".doc-content > p.title")  # Word's and Google Docs'
    if styled:
        styled.name = "h1"
        declared.insert(0, _text(styled))
    for heading in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"]):
        for each in heading.find_all("a", href=True):
            if not each.find("img") and not re.search(r"\w", each.get_text()):
                each.decompose()  # ¶, a link to the heading itself
    headings = [text for each in soup.find_all("h1") if (text := _text(each))]
    main = main_element(soup)
    own = [text for each in main.find_all("h1") if (text := _text(each))]
    if len(own) > 1:
        own = declared[:1] or own
    return Page(
        title=next(iter([*own, *headings, *declared]), ""),
        language=language,
        markdown=to_markdown(main, base),
        links=links,
        canonical=_address(base, str(canonical["href"])) if canonical else "",
        noindex=bool(_NO_INDEX.search(robots)),
    )


def read(data: bytes, name: str) -> Document:
    """The document of a page that was saved as a file."""
    found = page(data)
    return Document(
        title=found.title or name,
        sections=markdown.sections(found.markdown, found.title),
        url=found.canonical,
        language=found.language,
    )


def _parsed(data: bytes, charset: str | None) -> BeautifulSoup:
    if charset is None and (declared := _DECLARED.search(data[:4096])):
        charset = (declared[1] or declared[2]).decode("ascii")
    text = _DECLARATION.sub("", decoded(data, charset), count=1)
    try:
        return BeautifulSoup(text, "lxml")
    except (ParserRejectedMarkup, AssertionError) as error:
        raise UnreadableError("it is no HTML that can be read") from error


def _content(soup: BeautifulSoup, attribute: str, name: str) -> list[str]:
    """What the page's `meta` elements of that name say."""
    found = soup.find_all("meta", attrs={attribute: re.compile(f"^{re.escape(name)}$", re.IGNORECASE), "content": True})
    return [text for each in found if (text := " ".join(str(each["content"]).split()))]


def _base(soup: BeautifulSoup, url: str) -> str:
    base = soup.find("base", href=True)
    try:
        return urljoin(url, str(base["href"]).strip()) if base else url
    except ValueError:
        return url


def _language(soup: BeautifulSoup) -> str:
    root = soup.find("html")
    said = root and (root.get("lang") or root.get("xml:lang"))
    return said.strip() if isinstance(said, str) else ""


def _titles(soup: BeautifulSoup) -> list[str]:
    """What the page calls itself, best first, without the name of its site."""
    sites = {name.casefold() for name in _content(soup, "property", "og:site_name")}
    titles = _content(soup, "property", "og:title")
    if soup.title and (text := _text(soup.title)):
        titles.append(text)
    return [_without_site(title, sites) for title in titles]


def _without_site(title: str, sites: set[str]) -> str:
    first, last = (edges := list(_SEPARATED.finditer(title)))[:1], edges[-1:]
    if last and title[last[0].end() :].casefold() in sites:
        return title[: last[0].start()]
    if first and title[: first[0].start()].casefold() in sites:
        return title[first[0].end() :]
    return title


def _links(soup: BeautifulSoup, base: str) -> tuple[str, ...]:
    elements = soup.find_all(["a", "area"], href=True)
    found = (_address(base, str(each["href"])) for each in elements if "nofollow" not in (each.get("rel") or ()))
    return tuple(dict.fromkeys(address for address in found if address))


def _address(base: str, href: str) -> str:
    """Absolute and without its fragment; "" where it is no address of a page."""
    try:
        address = urldefrag(urljoin(base, href.strip())).url
        parts = urlsplit(address)
        return address if parts.scheme in {"http", "https"} and parts.hostname else ""
    except ValueError:
        return ""


def _text(element: Tag) -> str:
    return " ".join(element.get_text(" ").replace("\xad", "").split())
