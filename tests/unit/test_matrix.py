"""The picture of the guarantees' matrix comes from a run that was green and whole, or not at all."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.testing.guarantees import ROWS, STREAMS_ONLY
from docs.matrix import NotGreenError, applies, cells, drawn

WIRES = ("plain Plain", "plain PlainWhole")
SHOWN = [(row, wire) for row in ROWS for wire in WIRES if applies(row, wire)]


def results(folder: Path, shown: Sequence[tuple[str, str]], wrong: str = "") -> Path:
    """As pytest writes them; the last test has not passed where something is `wrong`."""

    def case(row: str, wire: str, inside: str = "") -> str:
        said = f'<property name="guarantee" value="{row}"/><property name="wire" value="{wire}"/>'
        return f'<testcase name="test"><properties>{said}</properties>{inside}</testcase>'

    *most, last = shown
    cases = [*(case(*each) for each in most), case(*last, f"<{wrong}/>" if wrong else "")]
    path = folder / "results.xml"
    path.write_text(f"<testsuites><testsuite><testcase name='other'/>{''.join(cases)}</testsuite></testsuites>")
    return path


def test_each_cell_has_the_number_of_its_tests(tmp_path) -> None:
    picture = drawn(cells(results(tmp_path, [SHOWN[0], *SHOWN])))
    texts = re.findall(r">([^<>]+)</text>", picture)
    assert texts[:3] == ["plain", "stream", "whole"]
    assert (texts.count("✓ 2"), texts.count("✓ 1"), texts.count("·")) == (1, len(SHOWN) - 1, len(STREAMS_ONLY))


@pytest.mark.parametrize("wrong", ["failure", "error", "skipped"])
def test_there_is_no_picture_of_a_run_that_was_not_green(tmp_path, wrong) -> None:
    with pytest.raises(NotGreenError, match="has not passed"):
        cells(results(tmp_path, SHOWN, wrong))


def test_nor_of_one_that_has_left_out_a_cell(tmp_path) -> None:
    with pytest.raises(NotGreenError, match="plain PlainWhole: server restarting"):
        cells(results(tmp_path, SHOWN[:-1]))
