"""What is counted, in files, as other processes read it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.values import close_all_multiprocess_files

from app.engine.errors import ChatError, ModelError, Problem
from app.metrics.figures import Figures, reason_of
from app.metrics.registry import DATABASE_WAITING


def told(folder: Path) -> dict[str, float]:
    """By name and labels, as somebody else tells it who counts nothing."""
    text, _ = Figures(folder).text()
    samples = [each for family in text_string_to_metric_families(text.decode()) for each in family.samples]
    return {" ".join([each.name, *each.labels.values()]): each.value for each in samples}


@pytest.fixture(autouse=True)
def _files_are_closed() -> Iterator[None]:
    yield
    close_all_multiprocess_files()


@pytest.fixture
def figures(tmp_path) -> Figures:
    started = Figures(tmp_path / "metrics")
    started.start("1.2", {"demo": ["builtin"]})
    return started


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ChatError(Problem.LIMITED, retry_after=3), "limit"),
        (ChatError(Problem.LIMITED), "room"),
        (ChatError(Problem.OVERLOADED), "room"),
        (ModelError(Problem.OVERLOADED, retry_after=30), "upstream_overloaded"),
        (ChatError(Problem.EXHAUSTED), "budget"),
        (ChatError(Problem.UNAUTHORIZED), "credential"),
        (ChatError(Problem.TOO_LARGE), "too_large"),
        (ChatError(Problem.INVALID, "made up"), "bad_input"),
        (ChatError(Problem.STORE_UNAVAILABLE), "database"),
        (ChatError(Problem.INTERNAL), "internal"),
    ],
)
def test_each_refusal_has_a_reason(error, reason) -> None:
    assert reason_of(error) == reason


def test_refusals_are_counted_by_wire(figures) -> None:
    for wire in ("widget", "widget", None):
        figures.count_refusal(wire, ChatError(Problem.TOO_LARGE))
    found = told(figures.folder)
    assert found["parlance_refusals_total too_large widget"] == 2
    assert found["parlance_refusals_total too_large none"] == 1


def test_calls_of_the_database_are_counted_together(figures) -> None:
    timer = figures.database_timer("read")
    timer(0.25)
    timer(0.5)
    figures.count_database()
    figures.count_database()
    found = told(figures.folder)
    assert found["parlance_database_calls_total read"] == 2
    assert found["parlance_database_seconds_total read"] == 0.75


def test_gauges_are_summed_and_known_models_are_there_from_the_start(figures) -> None:
    figures.set(DATABASE_WAITING, 3, "write")
    found = told(figures.folder)
    assert found["parlance_database_waiting write"] == 3
    assert found["parlance_inter_token_seconds_count demo builtin"] == 0
    assert next(name for name in found if name.startswith("parlance_build_info")).endswith("1.2")
    assert not [name for name in found if name.startswith("parlance_redis_used")], "nobody has said anything of it"


def test_programs_that_are_started_do_not_count_here(figures) -> None:
    assert figures.started
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_where_the_files_cannot_be_made_it_may_be_tried_again(tmp_path) -> None:
    (tmp_path / "metrics").write_text("a file")
    figures = Figures(tmp_path / "metrics")
    with pytest.raises(OSError, match="exists"):
        figures.start("1", {})
    figures.count_refusal("widget", ChatError(Problem.TOO_LARGE))
    (tmp_path / "metrics").unlink()
    figures.start("1", {"demo": ["builtin"]})
    figures.count_refusal("widget", ChatError(Problem.TOO_LARGE))
    assert told(figures.folder)["parlance_refusals_total too_large widget"] == 1


def test_requests_to_webhooks_are_counted_from_zero(tmp_path) -> None:
    figures = Figures(tmp_path / "metrics")
    figures.start("1", {}, ["desk"])
    figures.count_post("desk", "failed")
    found = told(figures.folder)
    assert [found[f"parlance_webhook_posts_total {each} desk"] for each in ("failed", "given_up")] == [1, 0]
