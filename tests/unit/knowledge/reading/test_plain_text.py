"""Plain text, and the encodings in which text is saved."""

import codecs

import pytest

from app.knowledge.documents import UnreadableError
from app.knowledge.reading.encodings import decoded
from app.knowledge.reading.plain_text import read


def test_paragraphs_are_what_stands_between_empty_lines() -> None:
    (section,) = read(b"One line.\r\nAnother.\r\n \r\n\r\nNext.\x0cPage.\r\n", "a.txt").sections
    assert section.text == "One line.\nAnother.\n\nNext.\n\nPage."


@pytest.mark.parametrize(
    ("text", "title", "shown"),
    [
        ("Opening hours\n\nFrom nine.", "Opening hours", "From nine."),
        ("Opening hours:\n\nFrom nine.", "Opening hours", "From nine."),
        ("We open at nine.\n\nWe close at five.", "a.txt", "We open at nine.\n\nWe close at five."),
        ("Opening hours\nFrom nine.", "a.txt", "Opening hours\nFrom nine."),
        ("Alone", "a.txt", "Alone"),
        ("営業時間\n\n九時から。", "営業時間", "九時から。"),
        ("# no Markdown\n\n* here", "# no Markdown", "* here"),
    ],
)
def test_a_first_line_that_stands_alone_is_the_title(text, title, shown) -> None:
    document = read(text.encode(), "a.txt")
    assert (document.title, [each.text for each in document.sections]) == (title, [shown])


def test_an_empty_file_has_no_sections() -> None:
    assert read(b"\n \n", "a.txt").sections == ()


SAMPLES = {
    "cp1252": "Unsere Öffnungszeiten: Montag bis Freitag von neun bis fünf, außer für Gäste. Grüße aus Köln für 5 €",
    "iso8859-15": "Les thés sont livrés à l'étranger, déjà préparés, en été comme en hiver; où êtes-vous allé?",
    "cp1251": "Мы открыты каждый день с девяти до пяти. Доставка занимает три дня, оплата картой или наличными.",
    "koi8_r": "Мы открыты каждый день с девяти до пяти. Доставка занимает три дня, оплата картой или наличными.",
    "cp1256": "نحن نفتح كل يوم من التاسعة صباحا حتى الخامسة مساء، ويمكنك الدفع عند الاستلام أو بالبطاقة.",
    "cp1254": "Dükkânımız her gün dokuzda açılır, beşte kapanır. Kargo üç gün içinde gelir; ödeme şekli kapıda.",
    "cp1250": "Jesteśmy otwarci codziennie od dziewiątej do siedemnastej. Wysyłka trwa trzy dni, płatność kartą, żółć.",
    "shift_jis": "営業時間は毎日九時から五時までです。発送は三日以内に行います。お支払いは現金かカードです。",
    "gb18030": "我们每天九点到五点营业。三天内发货，可以用现金或者银行卡付款。欢迎光临我们的茶馆。",
    "euc_kr": "매일 아홉 시부터 다섯 시까지 영업합니다. 배송은 삼 일 안에 됩니다. 결제는 현금이나 카드로 합니다.",
}


@pytest.mark.parametrize("encoding", SAMPLES)
def test_an_encoding_is_recognised_by_what_it_holds(encoding) -> None:
    text = SAMPLES[encoding]
    assert decoded(("Only ASCII here.\n" * 3000 + text).encode(encoding)).rpartition("\n")[2] == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding) -> None:
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    assert decoded(marks.get(encoding, b"") + "Grüße\r\nvon uns".encode(encoding)) == "Grüße\nvon uns"


@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02", b"%PNG\x0d\x0a\x1a\x0a\x00", b"text and \x07", "Grüße".encode("utf-16-le")]
)
def test_what_is_no_text_is_refused(data) -> None:
    with pytest.raises(UnreadableError, match=r"^it is no text: it holds binary data$"):
        decoded(data)


def test_half_a_file_in_utf_8_loses_nothing_but_its_last_letter() -> None:
    assert decoded("Grüße".encode("utf-16")[:-1]) == "Grüß\ufffd"
