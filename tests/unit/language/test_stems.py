"""Forms of a word have one term, by language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language.function_words import FUNCTION_WORDS
from app.language.stems import Stems


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("de", ["Gutschein", "Gutscheine", "GUTSCHEINEN"]),
        ("de", ["Rücksendung", "ruecksendung", "Rucksendungen"]),
        ("de", ["Haus", "Häuser"]),
        ("en", ["delivery", "deliveries", "DELIVERIES"]),
        ("fr", ["réservation", "réservations"]),
        ("fr", ["vélo", "vélos", "velos"]),
        ("fr", ["jeu", "jeux"]),
        ("fr", ["crédit", "crédits"]),
        ("fr", ["connexion", "connexions"]),
        ("es", ["envío", "envíos"]),
        ("es", ["aparcar", "aparque", "aparcamiento"]),
        ("pt", ["pagar", "paguei", "pago"]),
        ("it", ["pagamento", "pagamenti"]),
        ("it", ["usare", "usarlo", "usarmele"]),
        ("it", ["scrivere", "scriveteci", "scrivermi", "SCRIVERGLIELO"]),
        ("it", ["tradurre", "tradurlo"]),
        ("it", ["concerto", "concerti"]),
        ("it", ["moderno", "moderne"]),
        ("it", ["trasporto", "trasporti"]),
        ("it", ["anno", "anni"]),
        ("it", ["camera", "camere"]),
        ("it", ["corriere", "corrieri"]),
        ("it", ["notaio", "notai"]),
        ("it", ["lago", "laghi"]),
        ("it", ["scegliere", "scegli", "sceglierlo"]),
        ("ru", ["доставка", "доставки", "доставку"]),
        ("pl", ["zwrot", "zwroty"]),
        ("tr", ["kart", "kartlar", "kartları"]),
        ("ar", ["التوصيل", "توصيل", "والتوصيل"]),
        ("ar", ["بطاقة", "بطاقات", "البطاقات"]),
        ("ko", ["배송", "배송은", "배송이", "배송되나요"]),
        ("he", ["משלוח"]),
        ("xx", ["word", "WORD"]),
    ],
)
def test_forms_of_a_word_have_one_term(language, forms) -> None:
    stems = Stems(language)
    assert len({stems.term(form) for form in forms}) == 1


@pytest.mark.parametrize("words", [("gare", "garer"), ("livres", "livrer"), ("loyer", "lois")])
def test_french_words_of_other_meanings_stay_apart(words) -> None:
    stems = Stems("fr")
    one, other = ({stems.term(word), stems.typed_in_haste(word)} for word in words)
    assert one.isdisjoint(other)


def test_a_word_that_a_stemmer_takes_for_an_ending_stays() -> None:
    assert Stems("tr").term("iade") == "iade"


@pytest.mark.parametrize(("language", "word", "another"), [("es", "como", "comer"), ("pt", "com", "comer")])
def test_a_function_word_is_no_form_of_another_word(language, word, another) -> None:
    stems = Stems(language)
    assert stems.term(word) != stems.term(another)
    assert stems.typed_in_haste(word) != stems.typed_in_haste(another)


def test_accents_that_were_left_out_are_no_other_word() -> None:
    assert Stems("es").typed_in_haste("envios") == Stems("es").term("envíos")


@pytest.mark.parametrize("language", [*FUNCTION_WORDS, "", "xx"])
@given(word=st.text(min_size=1))
def test_any_word_is_a_term_in_any_language(language, word) -> None:
    stems = Stems(language)
    for term in (stems.term(word), stems.typed_in_haste(word), stems.root(word)):
        assert isinstance(term, str)
