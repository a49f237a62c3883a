"""Forms of Polish words have one term, also those that Snowball's stemmer leaves apart."""

import pytest

from app.language.stems import Stems


@pytest.mark.parametrize(
    "forms",
    [
        ["pies", "psa", "psem", "psy", "psów"],
        ["dzień", "dni", "dniem"],
        ["miesiąc", "miesiące", "miesięcy"],
        ["dziecko", "dzieci", "dziećmi", "dziecka"],
        ["ręka", "rękę", "ręce", "rąk"],
        ["kup", "kupić", "kupię", "kupuję", "kupować", "kupiłem"],
        ["zapisać", "zapisuję", "zapisywać"],
        ["naprawa", "naprawić", "naprawiam"],
        ["zniszczyć", "zniszczę", "zniszczymy"],
        ["uczyć", "uczycie", "uczyłem"],
        ["przynieść", "przyniosę", "przynosić"],
        ["stłuc", "stłukł", "stłukła"],
        ["rezerwuję", "rezerwować", "rezerwowanie"],
        ["zamówić", "zamówię", "zamówiłem"],
        ["zamawiać", "zamawiam"],
        ["otwarcie", "otwarcia", "otwarciu"],
        ["zdjęcie", "zdjęcia", "zdjęć"],
        ["rower", "rowery", "rowerowy"],
        ["paczka", "paczki", "paczek", "paczce"],
        ["łóżko", "łóżka", "łóżek"],
        ["samochód", "samochodem", "samochodzie"],
        ["komputer", "komputera", "komputerze"],
        ["senior", "seniorem", "seniorzy"],
    ],
)
def test_forms_of_a_word_have_one_term(forms) -> None:
    stems = Stems("pl")
    assert len({stems.term(form) for form in forms}) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["mięso", "miesiąc", "miasto"],
        ["lato", "lata"],
        ["umowa", "umyć"],
        ["zamówić", "zamek"],
        ["głowa", "głos"],
        ["wiek", "wika"],
        ["człowiek", "człon"],
    ],
)
def test_other_words_have_other_terms(words) -> None:
    stems = Stems("pl")
    assert len({stems.term(word) for word in words}) == len(words)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("zwrocic", "zwrócić"),
        ("zaplacic", "zapłacić"),
        ("odebrac", "odebrać"),
        ("kupilam", "kupiłam"),
        ("zepsulo", "zepsuło"),
        ("zwrotow", "zwrotów"),
        ("psow", "psów"),
    ],
)
def test_words_without_accents_are_the_same(typed, word) -> None:
    stems = Stems("pl")
    assert stems.typed_in_haste(typed) == stems.term(word)
