"""Texts as vectors, from any server with OpenAI's `/v1/embeddings`.

Source: OpenAI's API reference, "Embeddings". Nothing is asked for but `model` and `input`: without `encoding_format`
all send lists of numbers. How many texts, and how long ones, a server takes at once differs, and is told by a refusal:
2,048 and 300,000 tokens (OpenAI), 32 (text-embeddings-inference), 10 (DashScope); 512 tokens of a text where the model,
or llama.cpp's batch, has no more.
"""

from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import orjson

from app.engine.exchange import Exchange
from app.providers.apis.openai import request_headers
from app.providers.apis.options import upstream
from app.providers.apis.whole_reply import whole_reply

MOST_DIMENSIONS = 16_384
MOST_BYTES = 64 * MOST_DIMENSIONS  # of a response, for each text: reading it must not hold up the worker's streams

Vector = Sequence[float]
"""32-bit floats."""


class OpenAIEmbeddings:
    """The embedding model of these options, which are OpenAIOptions."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._model = options["model"]
        self._upstream = upstream({**options}, {"Accept": "application/json", **request_headers(options)})

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """A vector for each text, in their order, all of as many dimensions; not normalised. Takes as long as the
        model's timeouts allow. Raises ModelError, also where the response is anything else."""
        count = len(texts)
        payload, read = {"model": self._model, "input": texts}, partial(vectors, count=count)
        return whole_reply(
            self._upstream, "/embeddings", payload, Exchange(), read, f"{count} vectors", count * MOST_BYTES
        )

    def close(self) -> None:
        """Close the connections that are kept."""
        self._upstream.close()


def vectors(body: bytes, count: int) -> Sequence[Vector]:
    """From the response to `count` texts, in their order, whatever the order of the response. Raises one of UNREADABLE
    where it is none."""
    items = orjson.loads(body)["data"]
    if not isinstance(items, list) or len(items) != count:
        raise ValueError(f"{len(items)} for {count} texts")
    places = [item.get("index", number) for number, item in enumerate(items)]
    if sorted(places) != list(range(count)):
        raise ValueError(f"places {places[:10]}")
    ordered: list[Vector] = [array("f")] * count
    for place, item in zip(places, items, strict=True):
        ordered[place] = array("f", item["embedding"])
    dimensions = len(ordered[0])
    if not 0 < dimensions <= MOST_DIMENSIONS or any(len(each) != dimensions for each in ordered):
        raise ValueError(f"{sorted({len(each) for each in ordered})} dimensions")
    if not all(isfinite(number) for each in ordered for number in each):
        raise ValueError("numbers that are none")
    return ordered
