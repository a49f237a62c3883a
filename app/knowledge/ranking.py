"""One ranking of passages: by words, or by words and meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.knowledge.index.index import Hit, Index
from app.knowledge.vectors import Vectors, merge

DEPTH = 20  # of each of two rankings that are merged


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage that was found. What it was found by is not None: its rank by words, from 1 on, its rank by meaning,
    and the cosine of the angle between its vector and the question's. Its `hit` has the score of the words' ranking,
    and a confidence of 0 where that has not found it: `confidence` is a matter of words alone."""

    hit: Hit
    words: int | None = None
    meaning: int | None = None
    cosine: float | None = None


def ranked(
    index: Index, query: str, most: int, vectors: Vectors | None = None, vector: Any | None = None
) -> Sequence[Ranked]:
    """At most so many passages, best first; by meaning too where there is the query's `vector`, which has as many
    dimensions as the `vectors` of the index's entries."""
    if vectors is None or vector is None:
        return [Ranked(hit, rank) for rank, hit in enumerate(index.search(query, most), start=1)]
    hits = index.search(query, max(most, DEPTH))
    near = vectors.nearest(vector, max(most, DEPTH))
    words = {hit.number: (rank, hit) for rank, hit in enumerate(hits, start=1)}
    meaning = {number: (rank, cosine) for rank, (number, cosine) in enumerate(near, start=1)}
    found = []
    for number, _ in merge([*words], [*meaning])[:most]:
        rank, hit = words.get(number) or (None, Hit(number, index.entry(number), 0.0, 0.0))
        found.append(Ranked(hit, rank, *meaning.get(number, (None, None))))
    return found
