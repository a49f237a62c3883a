"""When the index of some files is to be built."""

import math
import time

import pytest

from app.knowledge.building.folder import Report
from app.knowledge.corpus import (
    FIRST_PAUSE_SECONDS,
    GONE_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    QUIET_SECONDS,
    Corpus,
    InUse,
    OpenIndex,
)

NOW = time.time_ns()
OLD = [("a.md", NOW - 10**12, 5, 0, 0, 0)]


def corpus(name: str = "", wanted: str = "b", files=OLD) -> Corpus:
    made = Corpus(("*.md",))
    made.in_use = InUse(OpenIndex(name, None, Report(1, 1, []))) if name else None
    made.seen([], name)
    made.seen(files, wanted)
    return made


@pytest.mark.parametrize(
    ("name", "wanted", "due"), [("", "b", 0), ("a", "b", 0), ("b", "b", math.inf), ("", "", math.inf)]
)
def test_an_index_is_due_where_it_is_not_the_one_of_the_files(name, wanted, due) -> None:
    assert corpus(name, wanted).build_due_in() == due


def test_one_that_is_replaced_waits_until_nobody_writes_any_more_and_the_first_does_not() -> None:
    fresh = [("a.md", time.time_ns(), 5, 0, 0, 0), *OLD]
    assert QUIET_SECONDS / 2 < corpus("a", files=fresh).build_due_in() <= QUIET_SECONDS
    assert corpus("", files=fresh).build_due_in() == 0
    assert corpus("a", files=[("a.md", NOW + 10**13, 5, 0, 0, 0)]).build_due_in() == 0, "clocks differ"


def test_what_fails_is_tried_again_less_and_less_often_and_told_once() -> None:
    made = corpus()
    pauses = []
    for _ in range(12):
        assert made.building.failed("disk full") == (not pauses)
        pauses.append(round(made.build_due_in()))
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert made.building.failed("read-only")
    made.seen(OLD, "c")
    assert round(made.build_due_in()) == FIRST_PAUSE_SECONDS, "the change may be what helps"
    made.built(20)
    assert round(made.build_due_in()) == 20, "what takes long is not done all the time"
    made.seen(OLD, "d")
    assert round(made.build_due_in()) == 20, "however often files change"
    assert made.building.failed("disk full"), "it went well between"


def test_an_index_that_somebody_has_removed_is_built_anew_and_not_all_the_time() -> None:
    made = corpus("b")
    made.gone = True
    assert made.build_due_in() == 0
    made.built(0.1)
    assert round(made.build_due_in()) == GONE_PAUSE_SECONDS, "another one may do the same"
    made.gone = False
    assert made.build_due_in() == math.inf


def test_vectors_are_due_where_the_index_in_use_has_not_all_or_the_model_is_doubted() -> None:
    made = corpus("a")
    assert made.embed_due_in() == math.inf, "without a model"
    made.embeddings = "m"
    assert made.embed_due_in() == 0
    made.embedding.failed("gone")
    assert round(made.embed_due_in()) == FIRST_PAUSE_SECONDS
    made.embedding.succeeded()
    made.in_use = InUse(made.in_use.open, complete=True)
    assert made.embed_due_in() == math.inf
    made.doubted = True
    assert made.embed_due_in() == 0
    assert corpus("").embed_due_in() == math.inf
