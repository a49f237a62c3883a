"""DOCX: Word's documents, through mammoth's HTML."""

import io
import zipfile
from typing import Any

import mammoth
from bs4 import BeautifulSoup

from app.knowledge.documents import Document, UnreadableError
from app.knowledge.reading import markdown
from app.knowledge.reading.html_markdown import to_markdown

MOST_UNPACKED = 60_000_000  # bytes of XML; pictures are never unpacked
MOST_FILES = 10_000  # in the archive

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # the container of older formats, and of encrypted new ones
_STYLES = """
p[style-name='Title'] => h1.title:fresh
"""


def read(data: bytes, name: str) -> Document:
    """Its title is what has that style, or its only heading of the first level, or its name. Raises UnreadableError."""
    if data.startswith(_OLE):
        raise UnreadableError(
            "it is protected by a password"
            if "EncryptedPackage".encode("utf-16-le") in data
            else "it is no DOCX but an older Word document; save it as DOCX or PDF"
        )
    _check(data)
    converted = mammoth.convert_to_html(io.BytesIO(data), style_map=_STYLES, convert_image=_no_picture)
    soup = BeautifulSoup(converted.value, "lxml")
    styled = soup.find("h1", class_="title")
    title = " ".join(styled.get_text(" ").split()) if styled else ""
    text = to_markdown(soup, "")
    title = title or markdown.only_title(text)
    return Document(title or name, markdown.sections(text, title))


def _check(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = archive.infolist()
            names = {file.filename for file in files}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnreadableError("it is damaged, or no DOCX") from error
    texts = [file.file_size for file in files if file.filename.lower().endswith((".xml", ".rels"))]
    if len(files) > MOST_FILES or sum(texts) > MOST_UNPACKED:
        raise UnreadableError(f"it unpacks to more than {MOST_UNPACKED // 1_000_000} MB of text")
    if any(file.flag_bits & 1 for file in files):
        raise UnreadableError("it is protected by a password")
    if not any(each.startswith("word/") for each in names):
        raise UnreadableError("it is no DOCX: it has no text of Word's")


def _no_picture(image: Any) -> list[Any]:
    """Nothing but its words for those who do not see it, which are rarely there."""
    return [mammoth.html.text(image.alt_text)] if image.alt_text else []
