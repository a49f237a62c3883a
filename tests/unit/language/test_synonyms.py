"""Words of one meaning are listed so that a search can use them."""

import pytest

from app.language.synonyms import SYNONYMS
from app.language.words import normal


@pytest.mark.parametrize("language", sorted(SYNONYMS))
def test_each_group_has_several_words_each_once(language) -> None:
    for group in SYNONYMS[language]:
        assert len(group) == len(set(group)) > 1, group
        assert all(word == normal(word) for word in group), group


def test_a_language_has_its_groups_apart() -> None:
    together = [group for group in SYNONYMS["en"] if "refund" in group]
    assert len(together) == 1
    assert "reimbursement" in together[0]
    assert "delivery" not in together[0]
