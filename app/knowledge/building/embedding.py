"""Makes the file of vectors of an index, which lies in its folder: `MODEL.vectors`, or `MODEL.part` where some are
missing. What a model has said of a text is kept, so that only new texts are asked for."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from app.engine.errors import ModelError, Problem
from app.knowledge.building.asking import Asking
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.kept import Kept
from app.knowledge.building.making import BuildError, problem_of
from app.knowledge.documents import Entry
from app.knowledge.index.index import Index
from app.knowledge.vectors import Vectors, normalised
from app.providers.apis.openai_embeddings import OpenAIEmbeddings

PROBE = "Is this still the same model?"
"""A text that is asked for again whenever something is: another answer means another model."""
_LEAST_COSINE = 0.99  # of two answers of the same model: some round differently each time

_REFUSED = b""  # in place of the vector of a text
_BYTES = 4  # of a number
_LONGEST_SAID = 300  # characters, of what a server says of a failure

Progress = Callable[[int, int], object]
"""Called with the number of texts that have vectors, and of how many."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """- `missing`: how many entries have no vector yet, and in `reason` why.
    - `refused`: how many will have none, since the model takes others and not them.
    """

    missing: int
    refused: int
    reason: str = ""


def model_key(options: Mapping[str, Any]) -> str:
    """What stands for the model in the names of files: the same name at another server may be another model."""
    return sha256(repr((options["base_url"], options["model"])).encode()).hexdigest()[:16]


def vectors_file(folder: IndexFolder, name: str, key: str, *, complete: bool = True) -> Path:
    return folder.path / name / f"{key}.{'vectors' if complete else 'part'}"


def open_vectors(folder: IndexFolder, name: str, key: str, entries: int) -> tuple[Vectors | None, bool]:
    """Of the index of this name, which has so many entries: all, or those that are there yet, and whether it is all. A
    file that is damaged is none."""
    for complete in (True, False):
        with suppress(OSError, ValueError, EOFError):
            vectors = Vectors(vectors_file(folder, name, key, complete=complete))
            if len(vectors) == entries and vectors.dimensions:
                return vectors, complete
    return None, False


def embed(
    folder: IndexFolder,
    name: str,
    options: Mapping[str, Any],
    progress: Progress = lambda *_: None,
    *,
    doubted: bool = False,
) -> Embedded:
    """Make the vectors of the index of this name with the model of these options. What a server fails to give is
    missing; with `doubted`, it is asked whether it still is the model whose vectors are kept.

    Waits while another process builds. Raises BuildError.
    """
    key = model_key(options)
    try:
        with folder.locked(lambda: progress(0, 0), f"{key}.lock"):  # not the builds' own: this may take hours
            kept_file = folder.path / f"{key}.kept"
            with (
                closing(Kept(kept_file)) as kept,
                closing(Index(folder.index_file(name))) as index,
                closing(OpenAIEmbeddings(options)) as model,
            ):
                folder.give(kept_file)
                texts = [text_of(index.entry(number)) for number in range(index.entries)]
                work = _Work(kept, model, progress)
                reason = work.ask(texts, doubted=doubted)
                rows, embedded = work.result(texts, reason)
            _write(folder, name, key, rows, complete=not embedded.missing)
            return embedded
    except OSError as error:
        raise BuildError(problem_of(error, folder.path)) from error
    except sqlite3.Error as error:
        raise BuildError(f"{folder.path}: {error}") from error


def text_of(entry: Entry) -> str:
    """What is embedded of an entry."""
    return "\n".join([*dict.fromkeys([entry.source, *entry.headings]), entry.text])


def _write(folder: IndexFolder, name: str, key: str, rows: Any, *, complete: bool) -> None:
    """Nothing where another index has taken the place of this one meanwhile: what was asked for is kept for that."""
    try:
        descriptor, draft = tempfile.mkstemp(dir=folder.path / name)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "wb") as file:
        np.save(file, rows, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    folder.give(Path(draft))
    Path(draft).replace(vectors_file(folder, name, key, complete=complete))
    vectors_file(folder, name, key, complete=not complete).unlink(missing_ok=True)


class _Work:
    def __init__(self, kept: Kept, model: OpenAIEmbeddings, progress: Progress) -> None:
        self._kept, self._progress = kept, progress
        self._done, self._total = 0, 0
        self._size = len(kept.get(_key(PROBE)) or b"")  # of a vector, in bytes; 0 where there is none yet
        self._asking = Asking(model, lambda: progress(self._done, self._total))

    def ask(self, texts: Sequence[str], *, doubted: bool) -> str:
        """Have all vectors kept that are not yet; why not all are."""
        wanted = [text for text in dict.fromkeys(texts) if not self._is_kept(text)]
        try:
            if (wanted or doubted) and not self._is_same():
                wanted = [*dict.fromkeys(texts)]
            self._total = len(wanted)
            while self._done < self._total:
                batch = self._asking.batch(wanted, self._done)
                for text, vector in zip(batch, self._asking.vectors(batch), strict=True):
                    self._kept.put(_key(text), _REFUSED if vector is None else self._row(vector))
                self._kept.save()
                self._done += len(batch)
            self._progress(self._done, self._total)
        except ModelError as error:
            return ": ".join(filter(None, [error.reason, str(error.details.get("said", ""))[:_LONGEST_SAID]]))
        return ""

    def _is_kept(self, text: str) -> bool:
        value = self._kept.get(_key(text))
        return value is not None and (value == _REFUSED or len(value) == self._size)

    def _row(self, vector: Sequence[float]) -> bytes:
        """Raises ModelError where it is not like the others: it is found out the next time which of them are right."""
        row: bytes = normalised(vector).tobytes()
        if len(row) != self._size:
            reason = f"gives vectors of {len(vector)} dimensions, after some of {self._size // _BYTES}"
            raise ModelError(Problem.UPSTREAM_FAILED, reason=reason)
        return row

    def _is_same(self) -> bool:
        """Whether the model is the one whose vectors are kept; otherwise none are any more. Raises ModelError."""
        (vector,) = self._asking.vectors([PROBE])
        now, before = normalised(vector or ()), self._kept.get(_key(PROBE))
        if not now.any():  # which is no other model, but one that does not work
            raise ModelError(Problem.UPSTREAM_FAILED, reason="gives vectors of nothing but zeros")
        same, self._size = before is not None and len(before) == now.nbytes, now.nbytes
        if same and float(np.frombuffer(before or b"", dtype=np.float32) @ now) >= _LEAST_COSINE:
            return True
        self._kept.clear()
        self._kept.put(_key(PROBE), now.tobytes())
        return before is None

    def result(self, texts: Sequence[str], reason: str) -> tuple[Any, Embedded]:
        """A row for each text, and what is missing of them."""
        rows = np.zeros((len(texts), self._size // _BYTES), dtype=np.float32)
        missing = refused = 0
        for number, text in enumerate(texts):
            if not self._is_kept(text):
                missing += 1
            elif vector := self._kept.get(_key(text)):
                rows[number] = np.frombuffer(vector, dtype=np.float32)
            else:
                refused += 1
        return rows, Embedded(missing, refused, reason)


def _key(text: str) -> bytes:
    return sha256(text.encode()).digest()
