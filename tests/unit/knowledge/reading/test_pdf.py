"""PDF files that programs write: their text in the order in which it is read, or why there is none."""

import shutil
import subprocess
from pathlib import Path

import pytest
from fpdf import FPDF

from app.knowledge.documents import Document, UnreadableError
from app.knowledge.reading.pdf import read

DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def written(*pages: str, title: str = "", **options) -> FPDF:
    """A PDF with these pages of lines; a line that begins with `#` is a heading of its outline, too."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    if title:
        pdf.set_title(title)
    if options:
        pdf.set_encryption(**options)
    for page in pages:
        pdf.add_page()
        for line in page.splitlines():
            shown = line.lstrip("# ")
            if line.startswith("#"):
                pdf.start_section(shown, level=line.count("#") - 1)
            pdf.cell(0, 8, shown, new_x="LMARGIN", new_y="NEXT")
    return pdf


def document(pdf: FPDF) -> Document:
    return read(bytes(pdf.output()), "file.pdf")


def sections(pdf: FPDF) -> list[tuple[tuple[str, ...], str, str]]:
    return [(each.headings, each.text, each.anchor) for each in document(pdf).sections]


def test_each_page_is_a_section_to_which_its_address_leads() -> None:
    assert sections(written("First.\nMore.", "", "Third.")) == [
        (("page 1",), "First.\nMore.", "#page=1"),
        (("page 3",), "Third.", "#page=3"),
    ]


def test_the_headings_of_the_outline_are_found_in_the_text() -> None:
    assert sections(written("Before.\n# One\na\n## Part\nb", "c\n# Two\nd")) == [
        (("page 1",), "Before.", "#page=1"),
        (("One",), "a", "#page=1"),
        (("One", "Part"), "b", "#page=1"),
        (("One", "Part"), "c", "#page=2"),
        (("Two",), "d", "#page=2"),
    ]


def test_words_that_a_line_breaks_are_whole_again() -> None:
    ((_, text, _),) = sections(written("Der Ver-\nsand in Nieder-\nÖsterreich zahlt 10-\n20 Euro"))
    assert text == "Der Versand in Nieder-Österreich zahlt 10-\n20 Euro"


def test_what_most_pages_repeat_at_their_edges_is_there_once() -> None:
    pages = [
        f"Tea house\nText {number}.\nMore {'abcde'[number]}.\nAnd so on.\nPage {number + 1} of 5" for number in range(5)
    ]
    texts = [text for _, text, _ in sections(written(*pages))]
    assert texts[0] == pages[0]
    assert [text.splitlines() for text in texts[1:]] == [["More b."], ["More c."], ["More d."], ["More e."]]


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("House rules", "House rules"),
        ("Microsoft Word - rules.doc", "file.pdf"),
        ("rules.indd", "file.pdf"),
        ("Untitled", "file.pdf"),
        ("", "file.pdf"),
    ],
)
def test_the_title_is_what_it_says_unless_a_program_has_said_it(said, title) -> None:
    assert document(written("x", title=said)).title == title


def test_one_whose_owner_only_forbids_printing_is_read() -> None:
    assert sections(written("Text.", owner_password="o", user_password="")) == [(("page 1",), "Text.", "#page=1")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bytes(written("x", owner_password="o", user_password="u").output()), "it is encrypted: only who knows its"),
        (bytes(written("x").output())[:400], "it is damaged, or no PDF"),
        (b"no PDF at all", "it is damaged, or no PDF"),
        (b"", "it is damaged, or no PDF"),
        (bytes(written("", "").output()), "it holds pictures and no text; have its text recognised"),
    ],
    ids=["encrypted", "damaged", "no PDF", "empty", "without text"],
)
def test_what_cannot_be_read_is_said(data, why) -> None:
    with pytest.raises(UnreadableError) as refused:
        read(data, "file.pdf")
    assert str(refused.value).startswith(why)


def test_one_whose_fonts_do_not_say_which_characters_they_show_is_refused() -> None:
    pdf = FPDF()
    pdf.add_font("font", "", DEJAVU)
    pdf.set_font("font", size=12)
    pdf.add_page()
    pdf.cell(0, 8, "Some words that nobody will read.")
    data = bytes(pdf.output())
    assert read(data, "file.pdf").sections[0].text == "Some words that nobody will read."
    with pytest.raises(UnreadableError, match=r"^its fonts do not say which characters they show"):
        read(data.replace(b"/ToUnicode", b"/NoUnicode"), "file.pdf")


PRINTED = """<html lang="ar" dir="rtl"><meta charset="utf-8"><title>الشحن</title><h1>سياسة الشحن</h1>
<p>نرسل الطرد خلال 3 أيام (إلى ألمانيا). رقم الهاتف +49 30 123456 والسعر 4.90 €.</p>
<p>بطاقة Visa أو PayPal أو Apple Pay الآن</p><p>اكتب إلى info@tea.example أو اتصل ٠٣٠١٢٣.</p>
<p dir="ltr">We say شكرا جزيلا to all (5 €).</p><p lang="he">שלום עולם, המחיר 25 ש"ח</p>
<p lang="de" dir="ltr">Größe: fünf Öffnungen, ein Büffet</p></html>"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> Document:
    """What Chromium makes of a page in Arabic."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")
    folder: Path = tmp_path_factory.mktemp("printed")
    (folder / "page.html").write_text(PRINTED)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={folder}"]
    subprocess.run(
        [program, *flags, f"--print-to-pdf={folder}/page.pdf", f"file://{folder}/page.html"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return read((folder / "page.pdf").read_bytes(), "page.pdf")


def test_what_is_written_from_right_to_left_is_read_so(printed) -> None:
    assert printed.title == "الشحن"
    assert printed.sections[0].text.splitlines() == [
        "سياسة الشحن",
        "نرسل الطرد خلال 3 أيام (إلى ألمانيا). رقم الهاتف +49 30 123456 والسعر 4.90 €.",
        "بطاقة Visa أو PayPal أو Apple Pay الآن",
        "اكتب إلى info@tea.example أو اتصل ٠٣٠١٢٣.",
        "We say شكرا جزيلا to all (5 €).",
        'שלום עולם, המחיר 25 ש"ח',
        "Größe: fünf Öffnungen, ein Büffet",
    ]
