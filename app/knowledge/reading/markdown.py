"""Markdown: CommonMark's blocks with GitHub's tables, cut at the headings that stand in no list and no quotation.

Of what stands within lines only so much is changed that a section can be read by itself: links by reference get their
address, links that lead nowhere outside the document and pictures become their words, comments go.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from markdown_it import MarkdownIt

from app.knowledge.documents import Document, Section
from app.knowledge.reading import front_matter
from app.knowledge.reading.encodings import decoded
from app.knowledge.reading.html_markdown import fragment_to_markdown

LONG_HEADING = 200  # characters; what is longer is text, where nothing else stands below it
MOST_HEADING = 1000  # characters of a heading whose markup is taken away

_PARSER = MarkdownIt("commonmark").enable("table")
_PARSER.core.ruler.enableOnly(["normalize", "block"])

_ANCHOR = re.compile(r"\s*\{:?\s*#([^\s{}]+)[^{}]*\}\s*$|<a\s+(?:id|name)=[\"']([^\"'\s]+)[\"'][^>]*>\s*(?:</a>)?")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CODE = re.compile(r"((?<!`)(?P<run>`+)(?!`).+?(?<!`)(?P=run)(?!`))", re.DOTALL)
_WORDS = r"\[((?:[^\[\]\\]|\\.)*)\]"
_TARGET = r"\(\s*(<[^<>\n]*>|(?:[^\s()\\]|\\.|\([^\s()]*\))*)(?:\s+[^()]*)?\)"
_IMAGE = re.compile(rf"!{_WORDS}(?:{_TARGET}|\[[^\[\]]*\])")
_LINK = re.compile(rf"{_WORDS}(?:{_TARGET}|\[((?:[^\[\]\\]|\\.)*)\])?")
_ABSOLUTE = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_TAG = re.compile(r"(?<!\\)</?[A-Za-z][^<>]*>")
_EMPHASIS = re.compile(r"(?<!\\)(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=[^\s\\])\1(?!\w)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_SOFT_BREAK = re.compile(r"(?<!  )(?<!\\)\n")
_WIDE = "\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"  # scripts without blanks between words
_WIDE_BREAK = re.compile(rf"(?<=[{_WIDE}])\n(?=[{_WIDE}])")


@dataclass(slots=True)
class _Part:
    """A heading with the blocks below it; level 0 is what stands before the first."""

    level: int
    heading: str = ""
    anchor: str = ""
    blocks: list[str] = field(default_factory=list)


def read(data: bytes, name: str) -> Document:
    """Its title is what its front matter says, or else its only heading of the first level, or its name."""
    said, text = front_matter.split(decoded(data))
    title = front_matter.text_of(said, "title")
    if front_matter.is_draft(said):
        return Document(title or name, (), draft=True)
    parts = list(_parts(text))
    title = title or _only_title(parts)
    return Document(
        title=title or name,
        sections=tuple(_sections(parts, title)),
        url=front_matter.address_of(said),
        language=front_matter.text_of(said, "language", "lang"),
    )


def sections(text: str, title: str) -> tuple[Section, ...]:
    """The sections of a Markdown text. A heading of the first level that says the title again stands in no path."""
    return tuple(_sections(list(_parts(text)), title))


def only_title(text: str) -> str:
    """The first heading, where it is the only one of the first level; "" otherwise."""
    return _only_title(list(_parts(text)))


def _only_title(parts: list[_Part]) -> str:
    headings = [part for part in parts if part.level]
    return headings[0].heading if headings and [p.level for p in headings].count(1) == headings[0].level == 1 else ""


def _sections(parts: list[_Part], title: str) -> Iterator[Section]:
    path: list[_Part] = []
    for part in parts:
        if part.level:
            path = [each for each in path if each.level < part.level]
            if part.heading and not (part.level == 1 and part.heading == title):
                path.append(part)
        text = "\n\n".join(part.blocks)
        if not text and len(part.heading) > LONG_HEADING:
            text = part.heading  # a paragraph that somebody has underlined
        if text:
            anchor = f"#{part.anchor}" if part.anchor else ""
            yield Section(tuple(each.heading for each in path), text, anchor)


def _parts(text: str) -> Iterator[_Part]:
    environment: dict[str, Any] = {}
    lines, tokens = text.split("\n"), _PARSER.parse(text, environment)
    references = {label: said["href"] for label, said in environment.get("references", {}).items()}
    part = _Part(0)
    for token, inner in zip_longest(tokens, tokens[1:]):
        if token.level or token.map is None or token.nesting < 0:
            continue
        source = "\n".join(lines[slice(*token.map)])
        match token.type:
            case "heading_open":
                yield part
                part = _heading(int(token.tag[1]), inner.content if inner else "", references)
            case "html_block":
                shown = _COMMENT.sub("", source)
                shown = fragment_to_markdown(shown) if shown.strip() else ""
                for each in _parts(shown) if shown else ():
                    if each.level:
                        yield part
                        part = each
                    else:
                        part.blocks += each.blocks
            case "paragraph_open":
                part.blocks += _block(_joined(inner.content if inner else ""), references)
            case "fence" | "code_block":
                part.blocks.append(source.rstrip())
            case "hr":
                pass
            case _:  # lists, tables, quotations
                part.blocks += _block(source.rstrip(), references)
    yield part


def _heading(level: int, source: str, references: Mapping[str, str]) -> _Part:
    anchor = _ANCHOR.search(source)
    text = _TAG.sub("", _inline(_ANCHOR.sub("", source), references))
    if len(text) <= MOST_HEADING:  # what is longer is no heading that anybody reads
        text = _LINK.sub(lambda link: link[1] if link[2] else link[0], text)
        text = html.unescape(_ESCAPED.sub(r"\1", _EMPHASIS.sub(r"\2", text)))
    return _Part(level, " ".join(text.split()), (anchor[1] or anchor[2]) if anchor else "")


def _joined(paragraph: str) -> str:
    """A paragraph that was written in several lines, in one; where it breaks a line on purpose, it still does."""
    return _SOFT_BREAK.sub(" ", _WIDE_BREAK.sub("", paragraph)) if "\n" in paragraph else paragraph


def _block(source: str, references: Mapping[str, str]) -> list[str]:
    text = _inline(source, references)
    return [text] if text.strip() else []


def _inline(source: str, references: Mapping[str, str]) -> str:
    if "[" not in source and "<!--" not in source:
        return source
    if "`" not in source:
        return _without_dead_links(source, references)
    pieces = _CODE.split(source)  # text, code, its backticks, text, …
    pieces[::3] = [_without_dead_links(piece, references) for piece in pieces[::3]]
    return "".join(piece for index, piece in enumerate(pieces) if index % 3 < 2)


def _without_dead_links(text: str, references: Mapping[str, str]) -> str:
    def link(match: re.Match[str]) -> str:
        words, target, label = match[1], match[2], match[3]
        if target is None:
            target = references.get(_label(label or words))
            if target is None:
                return match[0]
        target = target.strip("<>")
        return f"[{words}]({target})" if words and _ABSOLUTE.match(target) else words

    return _LINK.sub(link, _IMAGE.sub(r"\1", _COMMENT.sub("", text)))


def _label(text: str) -> str:
    """As markdown-it-py's `normalizeReference` has it."""
    return " ".join(text.split()).lower().upper()
