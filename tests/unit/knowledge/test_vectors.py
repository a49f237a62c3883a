"""Vectors in a file, and two rankings as one."""

import numpy as np
import pytest

from app.knowledge.vectors import Vectors, merge, normalised


def written(path, rows) -> Vectors:
    with path.open("wb") as file:
        np.save(file, np.array(rows, dtype=np.float32))
    return Vectors(path)


def test_the_nearest_come_first_and_what_is_not_near_at_all_does_not(tmp_path) -> None:
    rows = [normalised(row) for row in ([1, 0], [1, 1], [0, 1], [0, 0], [-1, 0])]
    vectors = written(tmp_path / "v", rows)
    assert (len(vectors), vectors.dimensions) == (5, 2)
    found = vectors.nearest(normalised([2, 1]), 9)
    assert [number for number, _ in found] == [1, 0, 2]
    assert [cosine for _, cosine in found] == pytest.approx([0.9487, 0.8944, 0.4472], abs=1e-4)
    assert len(vectors.nearest(normalised([2, 1]), 2)) == 2


def test_no_rows_have_nothing_near(tmp_path) -> None:
    assert written(tmp_path / "v", np.zeros((0, 3))).nearest(normalised([1, 2, 3]), 3) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O'"])
def test_a_file_that_is_none_is_told(tmp_path, content) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises((ValueError, EOFError)):
        Vectors(tmp_path / "v")


def test_rows_of_anything_else_are_none(tmp_path) -> None:
    for array in (np.zeros((2, 2)), np.zeros(3, dtype=np.float32)):
        with (tmp_path / "v").open("wb") as file:
            np.save(file, array)
        with pytest.raises(ValueError, match="no rows"):
            Vectors(tmp_path / "v")


def test_zeros_stay_zeros() -> None:
    assert normalised([0, 0]).tolist() == [0, 0]
    assert normalised([3, 4]).tolist() == pytest.approx([0.6, 0.8])


def test_what_stands_in_both_rankings_comes_before_what_stands_in_one() -> None:
    merged = merge([1, 2, 3], [4, 3, 5])
    assert [number for number, _ in merged] == [3, 1, 4, 2, 5]
    assert merged[0][1] == pytest.approx(1 / 63 + 1 / 62)
    assert [number for number, _ in merge([1, 2], [])] == [1, 2]
    assert merge([], []) == []
