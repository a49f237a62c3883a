"""DOCX files as Word writes them, and those that are made to do harm."""

import io
import zipfile

import pytest
from docx import Document as Word
from docx.oxml.ns import qn

from app.knowledge.documents import Document, UnreadableError
from app.knowledge.reading.docx import MOST_UNPACKED, read


def saved(word) -> bytes:
    data = io.BytesIO()
    word.save(data)
    return data.getvalue()


def rezipped(data: bytes, **changed: bytes) -> bytes:
    """The archive with other contents of some files, by their names without folder and ending."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changed.get(name.rpartition("/")[2].partition(".")[0], old.read(name)))
    return out.getvalue()


@pytest.fixture(scope="module")
def handbook() -> bytes:
    word = Word()
    word.add_heading("Handbook", 0)
    word.add_paragraph("For everybody.")
    word.add_heading("Delivery", 1)
    paragraph = word.add_paragraph("Within ")
    paragraph.add_run("three").bold = True
    paragraph.add_run(" days; 5\xa0€.")
    for item in ("Parcel", "Letter"):
        word.add_paragraph(item, style="List Bullet")
    word.add_heading("Abroad", 2)
    table = word.add_table(rows=3, cols=2)
    for row, cells in enumerate([("Country", "Price"), ("Austria", "9 €"), ("Both", "")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    return saved(word)


def test_headings_lists_and_tables_are_read(handbook) -> None:
    document = read(handbook, "h.docx")
    assert document.title == "Handbook"
    assert [(each.headings, each.text) for each in document.sections] == [
        ((), "For everybody."),
        (("Delivery",), "Within **three** days; 5 €.\n\n- Parcel\n- Letter"),
        (("Delivery", "Abroad"), "|  |  |\n| --- | --- |\n| Country | Price |\n| Austria | 9 € |\n| Both | Both |"),
    ]


@pytest.mark.parametrize(("levels", "title"), [([1, 2], "A"), ([1, 1], "h.docx"), ([2], "h.docx"), ([], "h.docx")])
def test_without_a_title_of_that_style_the_only_heading_is_it(levels, title) -> None:
    word = Word()
    for level, name in zip(levels, "AB", strict=False):
        word.add_heading(name, level)
    word.add_paragraph("x")
    assert read(saved(word), "h.docx").title == title


def test_pictures_are_not_looked_at(handbook) -> None:
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000000301"
        "0100c9fe92ef0000000049454e44ae426082"
    )
    word = Word(io.BytesIO(handbook))
    picture = word.add_picture(io.BytesIO(png))
    picture._inline.find(qn("wp:docPr")).set("descr", "The shop")
    assert read(saved(word), "h.docx").sections[-1].text.endswith("\n\nThe shop")


def whole(data: bytes) -> Document | str:
    try:
        return read(data, "h.docx")
    except UnreadableError as error:
        return str(error)


def test_a_bomb_is_not_unpacked(handbook) -> None:
    assert whole(rezipped(handbook, document=b" " * (MOST_UNPACKED + 1))) == "it unpacks to more than 60 MB of text"


def test_one_that_says_a_smaller_size_than_it_has_is_damaged(handbook) -> None:
    data = rezipped(handbook, document=b" " * 1_000_000)
    lying = data.replace((1_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != data
    with pytest.raises(Exception, match="CRC"):
        whole(lying)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is damaged, or no DOCX"),
        (b"PK\x03\x04 and no more", "it is damaged, or no DOCX"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "it is protected by a",
        ),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "it is no DOCX but an older Word document"),
    ],
    ids=["empty", "damaged", "with a password", "older"],
)
def test_what_cannot_be_read_is_said(data, why) -> None:
    assert str(whole(data)).startswith(why)


def test_another_archive_is_no_document() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert whole(data.getvalue()) == "it is no DOCX: it has no text of Word's"
