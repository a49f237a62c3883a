"""Documents as Markdown that reads as the same sections."""

import pytest

from app.knowledge.documents import Document, Section
from app.knowledge.pages.content import Content, to_markdown
from app.knowledge.reading.markdown import sections

ONE = Section(("Prices",), "Two euros.", "#prices")
DEEP = Section(("Prices", "For *clubs* [1] #2"), "One euro.")


@pytest.mark.parametrize(
    "given",
    [
        (),
        (Section((), "Before."), ONE, DEEP),
        (ONE, Section(("Prices", "a", "b"), "B."), Section(("Prices", "c"), "C.", "#c"), Section(("Hours",), "Nine.")),
        (Section((), "One.", "#page=1"), Section((), "Two.", "#page=2"), Section((), "Three.", "#page=3")),
        (Section(("A",), "One.", "#page=1"), Section(("A",), "Two.", "#page=2"), Section(("B",), "Three.", "#page=3")),
        (Section(("A", "B"), "One."), Section(("A",), "Two."), Section((), "Three."), Section(("A", "B"), "Four.")),
        (Section(("A",), "One.", "#page=1"), Section((), "Two.", "#page=2")),
        (Section(("a_b_c \\ `x` <b> {#y} ~z~ & |",), "| a | b |\n| --- | --- |\n| 1 | 2 |"),),
    ],
)
def test_a_document_is_read_again_as_it_was(given) -> None:
    assert sections(to_markdown(Document("Tea", given)), "Tea") == given


def test_a_change_of_what_is_kept_is_noticed() -> None:
    digests = {
        Content(*each).digest for each in (("a", "de", "b"), ("a", "en", "b"), ("b", "de", "b"), ("a", "de", "c"))
    }
    assert len(digests) == 4
    assert Content("a", "de", "b", ("x",)).digest == Content("a", "de", "b").digest
