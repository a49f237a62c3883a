"""The main text of a page: what is left without menus, headers, footers, banners and what nobody sees.

No page says plainly what its main text is. Looked at is what HTML has for it (`main`, `nav`, `hidden`, roles), and what
site builders write where they do not use that. What opens when it is clicked (accordions, tabs) is main text.
"""

import re
from collections.abc import Iterable, Iterator

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

_NO_TEXT = {
    *("script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "audio", "video", "map"),
    *(
        "select",
        "textarea",
        "input",
        "datalist",
        "progress",
        "meter",
        "dialog",
        "rp",
        "rt",
        "link",
        "meta",
        "base",
        "title",
    ),
}
_NO_TEXT_ROLES = re.compile(
    r"^(?:navigation|banner|contentinfo|search|dialog|alertdialog|menu|menubar|toolbar|tooltip)$", re.IGNORECASE
)
_CONSENT = re.compile(
    r"^(?:cookie-?(?:banner|bar|box|consent|hint|law|message|modal|notice|notification|overlay|popup)|cookieconsent|"
    r"cybotcookiebot|onetrust|borlabs|cmplz|cky-|didomi|cc-window|gdpr-|usercentrics|klaro|iubenda-cs|moove_gdpr)",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"^(?:site-?|page-?|main-?)?(?:header|footer|sidebar|masthead|colophon|breadcrumbs?)$", re.IGNORECASE
)
_MENU = re.compile(
    r"(?:^|[-_])(?:nav|navbar|navigation|menu|submenu|breadcrumbs?|share|social|widget)(?:[-_]|$)", re.IGNORECASE
)
_OPENS = re.compile(
    r"accordion|faq|collaps|expand|toggle|spoiler|answer|tab-?(?:content|pane|panel)|panel", re.IGNORECASE
)
_ICON = re.compile(r"icon|^fa[srlb]?$|material-symbols", re.IGNORECASE)
_SKIP = re.compile(r"^skip(?:-|$)|^skiplink", re.IGNORECASE)
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_LINKED = 0.8  # of a text in links: it is a menu
_MOST_OF = 0.25  # of a page's text: what is less is hardly its main text


def main_element(soup: BeautifulSoup) -> Tag:
    """The element that holds the main text, without what is none. Changes the soup."""
    body = soup.body or soup
    for node in [each for each in body.descendants if isinstance(each, PreformattedString)]:
        node.extract()  # comments and their like
    _drop(each for each in tags(body) if each.name in _NO_TEXT)
    _drop(_unseen(body))
    _drop(each for each in tags(body) if _is_frame(each))
    _drop_controls(body)
    return _main(body)


def tags(element: Tag) -> Iterator[Tag]:
    """All elements within, in their order. bs4's own searches take many times as long."""
    return (each for each in element.descendants if isinstance(each, Tag))


def _drop(elements: Iterable[Tag]) -> None:
    for each in list(elements):
        if not each.decomposed:
            each.decompose()


def _names(element: Tag) -> list[str]:
    """Its id and classes, by which site builders say what it is."""
    return [*(element.get_attribute_list("class")), str(element.get("id") or "")]


def _any(pattern: re.Pattern[str], element: Tag) -> bool:
    return any(name and pattern.search(name) for name in _names(element))


def _size(element: Tag) -> int:
    """How many characters of text it holds, blanks left out."""
    return sum(len("".join(each.split())) for each in element.descendants if isinstance(each, NavigableString))


def _is_menu(element: Tag) -> bool:
    """Whether hardly anything in it is no link."""
    links = element.find_all("a")
    return len(links) > 2 and sum(map(_size, links)) >= _LINKED * _size(element)


def _unseen(body: Tag) -> Iterator[Tag]:
    """What is hidden and not opened by a click, and icons."""
    opened = set(_opened(body))
    for each in tags(body):
        if each.get("aria-hidden") == "true" and each.name in {"i", "span"} and _any(_ICON, each):
            yield each
        hidden = each.get("hidden")
        if hidden in {None, "false", "until-found"} and not _UNSEEN.search(str(each.get("style") or "")):
            continue
        opens = each.get("id") in opened or each.get("role") in {"tabpanel", "region"} or _any(_OPENS, each)
        if not opens or _is_menu(each):
            yield each


def _opened(body: Tag) -> Iterator[str]:
    """The ids of what controls open."""
    for each in tags(body):
        for attribute in ("aria-controls", "data-target", "data-bs-target"):
            yield from str(each.get(attribute) or "").replace("#", "").split()
        if each.name == "a" and str(each.get("href") or "").startswith("#"):
            yield str(each["href"])[1:]


def _is_frame(element: Tag) -> bool:
    """Whether it is what stands around the main text, or before it."""
    name, role = element.name, str(element.get("role") or "")
    if name in {"html", "body", "main"} or role == "main":
        return False
    if name == "nav" or _NO_TEXT_ROLES.match(role) or _any(_CONSENT, element):
        return True
    if name == "header" or (name == "div" and _any(_FRAME, element)):
        return not _within_main(element) and not element.find(["main", "article"]) and not _is_heading(element)
    if name in {"footer", "aside"}:
        return not _within_main(element) or (name == "footer" and _parent_name(element) == "main")
    if name == "a":
        return _any(_SKIP, element)
    names = {"div", "ul", "ol", "section", "p"}
    return name in names and ("modal" in _names(element) or (_any(_MENU, element) and _is_menu(element)))


def _is_heading(header: Tag) -> bool:
    """Whether a header is a title with a few words rather than a logo with a menu."""
    return header.find("h1") is not None and len(header.find_all("a")) < 3


def _within_main(element: Tag) -> bool:
    return element.find_parent(lambda tag: tag.name in {"main", "article"} or tag.get("role") == "main") is not None


def _parent_name(element: Tag) -> str:
    return element.parent.name if element.parent else ""


def _drop_controls(body: Tag) -> None:
    """Forms, unless the page is one, and buttons that open nothing."""
    half = _size(body) / 2
    for form in body.find_all("form"):
        if not form.decomposed and _size(form) < half and not form.find(["main", "article", "h1"]):
            form.decompose()
    for button in body.find_all("button"):
        if not is_opener(button) and not button.find_parent(["h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary"]):
            button.decompose()


def is_opener(element: Tag) -> bool:
    """Whether a click on it shows what follows: the question of an accordion, for example."""
    names = ("aria-expanded", "aria-controls", "data-target", "data-bs-target")
    return element.get("role") == "tab" or any(map(element.has_attr, names)) or _any(_OPENS, element)


def _main(body: Tag) -> Tag:
    total = _size(body)
    mains = body.find_all(lambda tag: tag.name == "main" or tag.get("role") == "main")
    articles = body.find_all("article")
    for several in (mains, articles if len(articles) == 1 else []):
        best = max(several, key=_size, default=None)
        if best is not None and _size(best) >= _MOST_OF * total:
            return best
    return body
