"""Tables of questions and answers as spreadsheets save them."""

import pytest

from app.knowledge.documents import UnreadableError
from app.knowledge.reading.question_table import read


def rows(text: str, encoding: str = "utf-8") -> list[tuple[tuple[str, ...], str, str]]:
    return [(each.headings, each.text, each.url) for each in read(text.encode(encoding), "q.csv").sections]


TWO = [(("When, and where?",), "At nine;\nhere.", ""), (("How?",), 'So "well"', "")]


@pytest.mark.parametrize(
    "text",
    [
        'Question,Answer\r\n"When, and where?","At nine;\nhere."\r\nHow?,"So ""well"""\r\n',
        'Frage;Antwort\r\n"When, and where?";"At nine;\nhere."\r\nHow?;"So ""well"""\r\n',
        'Soru\tCevap\n"When, and where?"\t"At nine;\nhere."\nHow?\t"So ""well"""\n',
        'sep=;\nوالسؤال؟;جواب\n"When, and where?";"At nine;\nhere."\nHow?;"So ""well"""\n'.replace(
            "والسؤال؟", "السؤال"
        ),
        '\ufeffAnswer (text);Question\n"At nine;\nhere.";"When, and where?"\n"So ""well""";How?\n',
        '"When, and where?","At nine;\nhere."\n\n,\nHow?,"So ""well"""',
        'question|id|answer|internal\n"When, and where?"|1|"At nine;\nhere."|secret\nHow?|2|"So ""well"""|secret\n',
    ],
    ids=[
        "commas",
        "Excel's semicolons",
        "tabs",
        "Excel's line",
        "in another order",
        "without a header",
        "more columns",
    ],
)
def test_each_row_is_a_section_under_its_question(text) -> None:
    assert rows(text) == TWO


def test_a_row_may_have_an_address_and_a_title_above_its_question() -> None:
    text = "Category,Question,Answer,URL\nDelivery,How long?,Three days.,https://x.example/d\n,Why?,So.,no address\n"
    assert rows(text) == [
        (("Delivery", "How long?"), "Three days.", "https://x.example/d"),
        (("Why?",), "So.", ""),
    ]


def test_answers_may_be_html() -> None:
    text = 'question,answer\nHow?,"<p>So <b>well</b>.<br>And <a href=""https://x.example"">there</a>.</p>"\n'
    assert rows(text) == [(("How?",), "So **well**.  \nAnd [there](https://x.example).", "")]


def test_what_excel_saves_as_windows_text_is_read() -> None:
    text = "Frage;Antwort\r\nWann öffnen Sie für Gäste?;Um neun, außer an Feiertagen. Grüße!\r\n"
    assert rows(text, "cp1252")[0][0] == ("Wann öffnen Sie für Gäste?",)


def test_a_question_without_an_answer_is_nothing_and_an_answer_without_a_question_is_text() -> None:
    assert rows("question,answer\nWhy?,\n,Because.\n") == [((), "Because.", "")]
    assert rows("question,answer\n") == rows("") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "Just a line\nand another",
            "it has one column; questions and answers are two, with commas or semicolons between",
        ),
        ("Tea,Price,Weight\nAssam,5 €,100 g\n", "it is no table of questions and answers; name these columns so"),
        ('question,answer\n"Why?,So.\nHow?,So.\n', "the quotation marks of the row in line 2 do not fit"),
        (f"question,answer\nWhy?,{'x' * 100_001}\n", "the quotation marks of the row in line 2 do not fit"),
    ],
)
def test_what_is_no_such_table_is_named(text, why) -> None:
    with pytest.raises(UnreadableError) as refused:
        rows(text)
    assert str(refused.value).startswith(why)
