"""Forms of Russian words have one term, also those that Snowball's stemmer leaves apart."""

import pytest

from app.language.stems import Stems


@pytest.mark.parametrize(
    "forms",
    [
        ["ребёнок", "ребенка", "дети", "детей", "детьми"],
        ["день", "дни", "дней", "днём"],
        ["год", "года", "лет"],
        ["подарок", "подарки", "подарков"],
        ["чашка", "чашки", "чашек"],
        ["запись", "записать", "записаться", "записываться"],
        ["отмена", "отмены", "отмену", "отменить", "отменять"],
        ["доставить", "доставлю", "доставляете"],
        ["купить", "куплю", "купили"],
        ["вернуть", "верну", "вернёте", "вернули"],
        ["бронь", "бронировать", "бронирую"],
        ["ремонт", "ремонтировать", "ремонтируете"],
        ["открыт", "открыто", "открыть", "открыты"],
        ["мыть", "моете", "моют"],
        ["учить", "учит", "учатся"],
    ],
)
def test_forms_of_a_word_have_one_term(forms) -> None:
    stems = Stems("ru")
    assert len({stems.term(form) for form in forms}) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["лето", "лет"],
        ["цвета", "цветы"],
        ["работа", "работаете"],
        ["помыть", "поменять"],
        ["отмена", "отметить"],
        ["урок", "срок"],
        ["деньги", "день"],
    ],
)
def test_other_words_have_other_terms(words) -> None:
    stems = Stems("ru")
    assert len({stems.term(word) for word in words}) == len(words)
