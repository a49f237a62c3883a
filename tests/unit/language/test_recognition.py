"""Languages are told apart by script, function words and letters, in questions as short as people ask them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language.function_words import FUNCTION_WORDS
from app.language.recognition import primary, recognised


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("de", "Wann habt ihr geöffnet?"),
        ("de", "Wie lange dauert der Versand?"),
        ("de", "wo kann man bei euch parken"),
        ("en", "When do you open?"),
        ("en", "can I return it"),
        ("es", "¿Hacéis envíos a Portugal?"),
        ("fr", "Livrez-vous le samedi ?"),
        ("it", "Quali metodi di pagamento accettate?"),
        ("pt", "Vocês entregam aos sábados?"),
        ("nl", "Wat kost de verzending?"),
        ("sv", "Hur länge tar leveransen?"),
        ("da", "Hvad koster levering?"),
        ("nb", "Hva koster levering?"),
        ("fi", "Paljonko toimitus maksaa?"),
        ("pl", "Ile kosztuje wysyłka?"),
        ("cs", "Kolik stojí doprava?"),
        ("hu", "Mennyibe kerül a szállítás?"),
        ("ro", "Cât costă livrarea?"),
        ("tr", "Teslimat ücreti ne kadar?"),
        ("el", "Πόσο κοστίζει η αποστολή;"),
        ("ru", "Сколько стоит доставка?"),
        ("uk", "Скільки коштує доставка?"),
        ("bg", "Колко струва доставката?"),
        ("ar", "هل عندكم توصيل إلى دبي؟"),
        ("fa", "هزینه ارسال چقدر است؟"),
        ("he", "מה שעות הפתיחה?"),
        ("hi", "डिलीवरी में कितना समय लगता है?"),
        ("ja", "配送料はいくらですか"),
        ("zh", "营业时间是几点？"),
        ("ko", "배송은 얼마나 걸리나요?"),
        ("th", "เปิดกี่โมง"),
        ("ta", "கடை எப்போது திறக்கும்?"),
    ],
)
def test_a_question_is_recognised(language, question) -> None:
    assert recognised(question) == language


@pytest.mark.parametrize("text", ["", "PayPal?", "4711", "🙂", "\x00", "\ud800", "Café Zürich"])
def test_nothing_is_said_where_it_is_unclear(text) -> None:
    assert recognised(text) == ""


def test_only_languages_that_may_be_are_considered() -> None:
    assert recognised("Was kostet die Lieferung?", {"nl", "fr"}) == "nl"
    assert recognised("Wann habt ihr geöffnet?", {"fr"}) == ""


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de-AT", "de"), ("DE", "de"), ("zh-Hant-TW", "zh"), ("pt_BR", "pt"), ("no", "nb"), ("iw", "he"), ("", "")],
)
def test_a_tag_names_a_language(tag, language) -> None:
    assert primary(tag) == language


@given(st.text())
def test_any_text_is_in_a_language_or_in_none(text) -> None:
    assert recognised(text) in {*FUNCTION_WORDS, "", "ka", "lo", "my", "km"}
