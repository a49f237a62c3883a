"""PDF, through PDFium: a section for each page, or for each heading of the outline that is found on one."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2 import raw as pdfium

from app.engine.texts import clean
from app.knowledge.documents import Document, Section, UnreadableError
from app.knowledge.reading.pdf_lines import page_text

MOST_PAGES = 5_000
MOST_OUTLINE = 5_000  # headings

_REASONS = {
    pdfium.FPDF_ERR_PASSWORD: "it is encrypted: only who knows its password can read it",
    pdfium.FPDF_ERR_SECURITY: "it is encrypted in a way that is not known",
    pdfium.FPDF_ERR_FORMAT: "it is damaged, or no PDF",
}
_NO_TITLE = re.compile(r"^(?:microsoft (?:word|powerpoint|excel) - .*|untitled.*|.*\.\w{2,5}|\W*)$", re.IGNORECASE)
_PRESENTED = re.compile("[\ufb00-\ufb06\ufb13-\ufb4f\ufb50-\ufdff\ufe70-\ufefc]+")  # ligatures, shapes of letters
_BROKEN = re.compile("(?<=\\w)(?:[\ufffe\x02\xad]\n?|-\n)(?=[^\\W\\d_])")  # the former are PDFium's for a hyphen
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\xad\u200b\u2060\ufeff\ufffe\uffff]")
_UNKNOWN = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")

_EDGE = 2  # lines at the top and at the bottom of a page that may be repeated on others
_MOST_UNKNOWN = 0.3  # of a text: it is no text then


def read(data: bytes, name: str) -> Document:
    """Raises UnreadableError."""
    try:
        with PdfDocument(data) as pdf:
            if len(pdf) > MOST_PAGES:
                raise UnreadableError(f"it has more than {MOST_PAGES:,} pages; split it")
            pages = [_page_lines(pdf, index) for index in range(len(pdf))]
            outline = _outline(pdf)
            title = clean(" ".join(pdf.get_metadata_value("Title").split()))
    except PdfiumError as error:
        raise UnreadableError(
            _REASONS.get(getattr(error, "err_code", None), _REASONS[pdfium.FPDF_ERR_FORMAT])
        ) from error
    _check(pages)
    sections = tuple(_sections(_without_repeated(pages), outline))
    return Document(name if _NO_TITLE.match(title) else title, sections)


def _page_lines(pdf: PdfDocument, index: int) -> list[str]:
    page = pdf[index]
    try:
        text_page = page.get_textpage()
        try:
            text = page_text(text_page)
        finally:
            text_page.close()
    finally:
        page.close()
    text = _PRESENTED.sub(lambda match: unicodedata.normalize("NFKC", match[0]), _BROKEN.sub(_joined, text))
    return [line for each in text.split("\n") if (line := " ".join(each.split()))]


def _joined(broken: re.Match[str]) -> str:
    """Where a name goes on, as in `Nieder-Österreich`, the hyphen is its own."""
    return "-" if broken.string[broken.end()].isupper() else ""


def _check(pages: Sequence[Sequence[str]]) -> None:
    text = "".join("".join(lines) for lines in pages)
    if not text:
        raise UnreadableError("it holds pictures and no text; have its text recognised (OCR) first")
    if len(_UNKNOWN.findall(text)) > _MOST_UNKNOWN * len(text):
        raise UnreadableError(
            "its fonts do not say which characters they show; save it anew, or have its text recognised"
        )


def _outline(pdf: PdfDocument) -> Mapping[int, list[tuple[int, str]]]:
    """The headings that lead to each page, by its index, with their levels."""
    found: dict[int, list[tuple[int, str]]] = {}
    for count, bookmark in enumerate(pdf.get_toc(max_depth=6)):
        target = bookmark.get_dest()
        index, title = (target.get_index() if target else None), _shown(bookmark.get_title())
        if index is not None and title:
            found.setdefault(index, []).append((bookmark.level, title))
        if count >= MOST_OUTLINE:
            break
    return found


def _shown(text: str) -> str:
    return " ".join(_CONTROL.sub("", clean(text)).split())


def _without_repeated(pages: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The pages without running headers and footers: lines at their edges that most pages have, page numbers aside.
    Where they stand first, they stay."""
    seen: set[str] = set()
    found = Counter(line for lines in pages for line in {_pattern(each) for each in (*lines[:_EDGE], *lines[-_EDGE:])})
    repeated = {line for line, times in found.items() if times > max(2, len(pages) / 2)}
    for lines in pages:
        edges = {*range(_EDGE), *range(len(lines) - _EDGE, len(lines))}
        shown = [index for index, line in enumerate(lines) if index not in edges or _pattern(line) not in seen]
        seen |= repeated.intersection(map(_pattern, lines))
        yield [lines[index] for index in shown]


def _pattern(line: str) -> str:
    return re.sub(r"\d+", "0", line)


def _sections(pages: Iterator[list[str]], outline: Mapping[int, list[tuple[int, str]]]) -> Iterator[Section]:
    path: list[tuple[int, str]] = []
    for index, page in enumerate(pages):
        lines = page
        for level, title in outline.get(index, ()):
            place = _place(lines, title)
            if place is not None:
                yield from _section(path, lines[:place], index)
                lines = lines[place + 1 :]
            path = [*(each for each in path if each[0] < level), (level, title)]
        yield from _section(path, lines, index)


def _section(path: Sequence[tuple[int, str]], lines: Sequence[str], index: int) -> Iterator[Section]:
    text = _CONTROL.sub("", clean("\n".join(lines))).strip()
    if text:
        yield Section(tuple(title for _, title in path) or (f"page {index + 1}",), text, f"#page={index + 1}")


def _place(lines: Sequence[str], title: str) -> int | None:
    """The line that is the heading, maybe behind its number; none where it is not found as it stands in the outline."""
    return next((index for index, line in enumerate(lines) if _same(line, title)), None)


def _same(line: str, title: str) -> bool:
    return _letters(line) == _letters(title)


def _letters(text: str) -> str:
    return re.sub(r"^[\W\d]+", "", text).casefold().replace(" ", "")
