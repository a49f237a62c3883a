"""How documents are cut: at the borders that a reader sees, and without a loss."""

import time
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.knowledge.documents import Document, Section
from app.knowledge.passages import MOST_CHARACTERS, MOST_HEADING, cut, pieces

ENGLISH = "The parcel is sent within three days, e.g. on Monday. "
SCRIPTS = {
    "latin": "Wir liefern in drei Tagen. Öffnen Sie das Paket! ",
    "arabic": "نرسل الطرد خلال ثلاثة أيام؟ يمكنك الدفع عند الاستلام. ",
    "hindi": "हम तीन दिनों में भेजते हैं। आप नकद भुगतान कर सकते हैं। ",
    "japanese": "三日以内に発送します。お支払いは現金でも可能です。",
    "chinese": "我们在三天内发货！可以用现金付款吗？",
    "thai": "เราจัดส่งภายในสามวัน คุณสามารถชำระเงินสดได้",
}


def letters(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("text", ["", " \n", "\n\n"])
def test_nothing_is_no_passage(text) -> None:
    assert list(pieces(text)) == []


@pytest.mark.parametrize("text", ["Short.", "x" * 1200, "A\n\nB", "    code\n    more"])
def test_what_is_no_longer_than_a_passage_stays_as_it_is(text) -> None:
    assert list(pieces(text)) == [text]


def test_paragraphs_are_kept_together_as_many_as_fit() -> None:
    paragraphs = [f"{number} {'x' * 396}" for number in range(7)]
    assert list(pieces("\n\n".join(paragraphs))) == ["\n\n".join(paragraphs[start : start + 3]) for start in (0, 3, 6)]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_long_paragraph_is_cut_where_a_sentence_ends(script) -> None:
    text = SCRIPTS[script] * 120
    found = list(pieces(text))
    assert letters("".join(found)) == letters(text)
    assert len(found) <= len(text) / MOST_CHARACTERS * 1.5 + 1
    ends = set(".!?؟।。！？") if script != "thai" else {"้", "น"}
    assert {piece[-1] for piece in found} <= ends


def test_words_are_cut_only_where_one_is_longer_than_a_passage() -> None:
    text = f"{'word ' * 400}{'y' * 3000} {'word ' * 400}"
    found = list(pieces(text))
    assert Counter(word for piece in found for word in piece.split() if "y" not in word) == {"word": 800}
    assert sum(piece.count("y") for piece in found) == 3000
    assert max(map(len, found)) <= MOST_CHARACTERS


def test_a_letter_keeps_its_marks() -> None:
    text = "ก้" * 2000
    assert all(unicodedata.category(piece[0]) == "Lo" for piece in pieces(text))
    family = "👩\u200d👩\u200d👧" * 500
    assert all("\u200d" not in {piece[0], piece[-1]} for piece in pieces(family))


def test_each_piece_of_a_table_has_its_header_and_whole_rows() -> None:
    head = "| Tea | Price |\n| --- | ---: |"
    rows = [f"| Tea number {number} | {number},90 € |" for number in range(200)]
    found = list(pieces(f"Prices:\n\n{head}\n" + "\n".join(rows) + "\n\nAll with VAT."))
    assert found[0].startswith("Prices:\n\n| Tea |")
    assert all(head in piece for piece in found)
    assert [line for piece in found for line in piece.split("\n") if line.startswith("| Tea number")] == rows
    assert found[-1].endswith("All with VAT.")
    assert max(map(len, found)) <= MOST_CHARACTERS


def test_a_row_longer_than_a_passage_is_cut_too() -> None:
    row = f"| Tea | {ENGLISH * 60}|"
    found = list(pieces(f"| Tea | About |\n|---|---|\n{row}"))
    assert all(piece.startswith("| Tea | About |\n|---|---|\n") for piece in found)
    assert sum(piece.count("within three days") for piece in found) == 60


def test_an_item_of_a_list_stays_whole_with_what_is_below_it() -> None:
    items = [f"- Item {number}: {'x' * 150}\n  and more\n  - below {number}" for number in range(30)]
    found = list(pieces("\n".join(items)))
    assert len(found) > 3
    assert all(piece.startswith(("- Item", "  - below")) for piece in found)
    assert "\n".join(found) == "\n".join(items)


def test_each_piece_of_code_stands_between_fences() -> None:
    code = "\n".join(f"line {number} of the code\n" for number in range(200))
    found = list(pieces(f"First:\n\n```sh\n{code}\n```\n\nThen."))
    assert all(piece.count("```") == 2 for piece in found)
    assert all(f"line {number} of the code" in "\n".join(found) for number in range(200))
    assert found[-1].endswith("```\n\nThen.")


def test_a_passage_has_what_its_document_and_its_section_say() -> None:
    sections = (
        Section(("A", "B"), "x " * 1000, "#b"),
        Section((), "first"),
        Section(("C",), "c", url="https://tea.example/c"),
    )
    entries = list(cut(Document("Title", sections, "https://tea.example/doc", "de")))
    assert {(entry.source, entry.language) for entry in entries} == {("Title", "de")}
    assert [(entry.headings, entry.url) for entry in entries] == [
        (("A", "B"), "https://tea.example/doc#b"),
        (("A", "B"), "https://tea.example/doc#b"),
        ((), "https://tea.example/doc"),
        (("C",), "https://tea.example/c"),
    ]
    assert next(cut(Document("Title", (Section((), "x", "#page=2"),)))).url == ""


def test_a_heading_that_is_a_whole_paragraph_is_text_too() -> None:
    (entry,) = cut(Document("t" * 5000, (Section((ENGLISH * 10,), "x"),)))
    assert entry.text == f"{ENGLISH * 10}\n\nx"
    assert len(entry.headings[0]) <= MOST_HEADING + 1
    assert len(entry.source) <= MOST_HEADING + 1


MARKDOWN = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=80),
        st.sampled_from(
            ["", "", "```", "~~~", "- item", "  - below", "1. first", "| a | b |", "|---|---|", "| 1 | 2 |"]
        ),
        st.sampled_from(
            ["x" * 70, "word " * 30, "Satz. " * 20, "句。" * 40, "    code", "> said", "====", "# heading"]
        ),
    ),
    max_size=30,
).map("\n".join)


@given(MARKDOWN, st.integers(20, 200))
@settings(deadline=None)
def test_nothing_is_lost_and_no_piece_is_too_long(text, most) -> None:
    found = list(pieces(text, most))
    assert all(len(piece) <= most for piece in found)
    assert all(piece.strip() for piece in found)
    missing = Counter(letters(text)) - Counter(letters("".join(found)))
    assert not missing


def test_a_letter_with_marks_without_end_is_cut_like_a_word() -> None:
    text = "a" + "\u0301" * 60_000
    begun = time.process_time()
    found = list(pieces(text))
    assert time.process_time() - begun < 3
    assert "".join(found) == text
    assert min(map(len, found[:-1])) > MOST_CHARACTERS / 2


def test_a_letter_keeps_its_marks_where_a_word_is_cut() -> None:
    text = "e\u0301\u0323" * 1000
    found = list(pieces(text))
    assert "".join(found) == text
    assert {piece[0] for piece in found} == {"e"}
