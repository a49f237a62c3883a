"""Finds passages by meaning: the vectors of an index's entries in one file, and the merging of two rankings."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

RANK_CONSTANT = 60  # the `k` of reciprocal rank fusion


class Vectors:
    """A file of normalised vectors, one row for each entry of an index; a row of zeros for one that has none. It is
    read as it is needed. Raises OSError and ValueError where it is none."""

    def __init__(self, path: Path) -> None:
        self._rows: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        if self._rows.ndim != 2 or self._rows.dtype != np.float32:
            raise ValueError("no rows of vectors")
        self.dimensions: int = self._rows.shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def nearest(self, vector: Any, most: int) -> Sequence[tuple[int, float]]:
        """Numbers of at most so many entries, nearest first, with the cosine of the angle, above 0. One product: it
        takes the time in which memory is read once (60 MB for 10,000 of 1,536 dimensions), and lets other threads run.
        """
        cosines = self._rows @ vector
        best = np.argsort(-cosines, kind="stable")[:most].tolist()
        return [(number, float(cosines[number])) for number in best if cosines[number] > 0]


def normalised(vector: Sequence[float]) -> Any:
    """As an array of 32-bit floats; zeros for zeros."""
    row = np.asarray(vector, dtype=np.float32)
    length = np.linalg.norm(row)
    return row / length if length > 0 else row


def merge(*rankings: Sequence[int]) -> Sequence[tuple[int, float]]:
    """Numbers that stand in any of the rankings, best first, with their scores: the sum of the reciprocals of their
    ranks (Cormack, Clarke, Büttcher: "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods", SIGIR 2009). Of two with the same score, the one that stands in an earlier ranking comes first."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] += 1 / (RANK_CONSTANT + rank)
    return sorted(scores.items(), key=lambda each: -each[1])
