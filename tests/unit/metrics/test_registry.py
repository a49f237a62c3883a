"""The list of all figures keeps to Prometheus's conventions, and holds each that is named."""

import re

import pytest

from app.metrics import registry
from app.metrics.registry import METRICS, Metric


def test_each_figure_that_is_named_is_in_the_list_once() -> None:
    named = [each for each in vars(registry).values() if isinstance(each, Metric)]
    assert sorted(each.name for each in named) == sorted({each.name for each in METRICS})
    assert len(named) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda each: each.name)
def test_names_and_labels_keep_to_the_conventions(metric) -> None:
    assert re.fullmatch(r"parlance(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.type == "counter")
    if metric.unit == "seconds":
        assert "_seconds" in metric.name
    assert all(re.fullmatch("[a-z]+", label) for label in metric.labels)
    assert bool(metric.buckets) == (metric.type == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert "|" not in metric.meaning, "it stands in a table"
