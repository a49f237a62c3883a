"""Words are related by their letters, as their language makes words of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language.formation import LEAST, Formation, common_beginning, in_compounds, one_mistake, plainer

GERMAN, ENGLISH = Formation.of(["de"]), Formation.of(["en"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("liefer", "lieferzeit"),
        ("gutschein", "geschenkgutschein"),
        ("abhol", "hol"),
        ("zuruckgeb", "geb"),
        ("zahl", "bezahl"),
        ("ausleih", "verleih"),
        ("geoffn", "offnungszeit"),
        ("kost", "versandkost"),
    ],
)
def test_compounds_and_prefixed_verbs_are_related_in_german(one, other) -> None:
    assert LEAST <= GERMAN.likeness(one, other) == GERMAN.likeness(other, one) < 1


@pytest.mark.parametrize(
    ("one", "other"), [("acht", "gebracht"), ("tee", "komitee"), ("reis", "preis"), ("1234", "12345"), ("ab", "abc")]
)
def test_others_are_not(one, other) -> None:
    assert GERMAN.likeness(one, other) == 0


def test_a_language_that_does_not_write_words_together_has_no_compounds() -> None:
    assert ENGLISH.likeness("board", "skateboard") == 0
    assert ENGLISH.parts("skateboard") == []
    assert "skate" in GERMAN.parts("skateboard")
    assert ENGLISH.likeness("book", "booking") > LEAST


def test_the_nearer_form_is_worth_more() -> None:
    assert GERMAN.likeness("liefer", "liefert") > GERMAN.likeness("liefer", "lieferadresse")


def test_prefixes_are_taken_off_and_put_on() -> None:
    assert GERMAN.bare("zuruckgeb") == ["geb", "ruckgeb"]
    assert {"geb", "abgeb"} <= {*GERMAN.prefixed("zuruckgeb")}
    assert "zuruckgeb" not in GERMAN.prefixed("zuruckgeb")


@pytest.mark.parametrize(
    ("mistaken", "right"),
    [("alergens", "allergens"), ("delivrey", "delivery"), ("deluvery", "delivery"), ("deliveryy", "delivery")],
)
def test_one_mistake_is_noticed(mistaken, right) -> None:
    assert one_mistake(mistaken, right)
    assert one_mistake(right, mistaken)


@pytest.mark.parametrize(("one", "other"), [("train", "brand"), ("cat", "car"), ("delivery", "delverrry"), ("", "a")])
def test_more_than_one_is_another_word(one, other) -> None:
    assert not one_mistake(one, other)


@given(st.text(max_size=12), st.text(max_size=12))
def test_likeness_is_a_share_and_the_same_both_ways(one, other) -> None:
    for formation in (GERMAN, ENGLISH):
        likeness = formation.likeness(one, other)
        assert likeness == formation.likeness(other, one)
        assert likeness == 0 or LEAST <= likeness <= 1
    assert common_beginning(one, one) == len(one)


def test_compounds_are_cut_with_and_without_what_links_their_parts() -> None:
    cuts = GERMAN.cuts("arbeitsvertrag")
    assert ("arbeit", "vertrag") in cuts
    assert ("arbeits", "vertrag") in cuts
    assert all(len(first) >= 4 and len(head) >= 3 for first, head in cuts)
    assert ENGLISH.cuts("skateboard") == []


@pytest.mark.parametrize(
    ("language", "word", "others"),
    [
        ("de", "abgeholt", {"abhol"}),
        ("de", "gebucht", {"buch"}),
        ("de", "liefert", {"liefer"}),
        ("de", "rechn", {"rechnung"}),
        ("de", "workshops", {"workshop"}),
        ("nl", "bezorgt", {"bezorg"}),
        ("nl", "bezorgd", {"bezorg"}),
        ("en", "workshops", set()),
    ],
)
def test_forms_that_a_stemmer_leaves_are_told_of_which_words_they_may_be(language, word, others) -> None:
    assert others <= {*plainer(word, language)}
    assert others or not [*plainer(word, language)]


@pytest.mark.parametrize(("stem", "left"), [("rechnung", "rechn"), ("gebuhr", "gebuhr"), ("jung", "jung")])
def test_a_german_stem_is_shorter_at_the_end_of_a_compound(stem, left) -> None:
    assert in_compounds(stem) == left
