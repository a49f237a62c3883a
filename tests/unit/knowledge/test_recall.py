"""Knowledge is found as well as docs/knowledge.md says, by the questions that may be looked at."""

import pytest

from bench.knowledge import Figures, all_in_one, together, tuned_on


@pytest.fixture(scope="module")
def languages() -> list[Figures]:
    return [*tuned_on()]


def test_the_right_passage_is_among_the_first_in_all_languages_together(languages) -> None:
    figures = together("together", languages)
    assert figures.recall(1) >= 0.75
    assert figures.recall(3) >= 0.9


def test_no_language_is_left_behind(languages) -> None:
    assert len(languages) >= 8
    assert {row.name: row.recall(3) for row in languages if row.recall(3) < 0.75} == {}


def test_the_built_in_model_seldom_answers_what_no_page_answers(languages) -> None:
    figures = together("together", languages)
    assert figures.false_answers <= 0.05 * len(figures.off_topic)
    assert figures.right_answers > 0.3 * len(figures.on_topic)


def test_pages_in_other_languages_are_not_in_the_way() -> None:
    figures = all_in_one()
    assert figures.recall(3) >= 0.85
    assert figures.false_answers <= 0.05 * len(figures.off_topic)
