"""The stream of a model that is reached over HTTP: pieces of a reply in, batches of chunks out."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import gevent

from app.engine.chunks import Chunk
from app.engine.errors import ModelError, Problem
from app.providers.transport.sse import EventStream
from app.providers.transport.upstream import Reply

log = logging.getLogger(__name__)

MOST_WHOLE_BYTES = 16 * 1024 * 1024
DRAIN_SECONDS = 0.05
ENDING_SECONDS = 1.0  # what comes behind a finish reason, comes with it: nobody waits for long because of a count
MOST_TOKENS = 2**31 - 1
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)  # what reading nonsense raises


class Decoder(Protocol):
    """One provider's reading of a reply. `finished` says that the answer is complete, though its usage may still come;
    `done` that nothing more can come."""

    finished: bool
    done: bool

    def event(self, data: bytes) -> list[Chunk] | None:
        """Chunks of one server-sent event, None where it is no part of the answer, as a ping.

        Raises ModelError where the event tells of a failure.
        """
        ...

    def whole(self, data: bytes) -> list[Chunk]:
        """Chunks of a reply that came in one piece."""
        ...

    def finish(self) -> list[Chunk]:
        """The last chunks: complete tool calls, then ModelFinished. Raises ModelError where the answer was cut."""
        ...


def text_of(value: Any) -> str:
    """Raises TypeError."""
    if type(value) is not str:
        raise TypeError("the text is none")
    return value


def text_of_parts(parts: Sequence[Mapping[str, Any]]) -> str:
    """Of a content that is a list, as some gateways write it."""
    return "".join(text_of(part.get("text") or part.get("refusal") or "") for part in parts)


def count_of(value: Any) -> int:
    """A number of tokens, 0 where none is given. Raises ValueError."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= MOST_TOKENS:
        raise ValueError("the count is none")
    return value


class ChunkStream:
    """Implements the engine's `Stream` of chunks."""

    def __init__(self, reply: Reply, decoder: Decoder, heartbeat: float) -> None:
        self._reply = reply
        self._decoder = decoder
        self._heartbeat = heartbeat
        self._closed = False

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        reply, decoder = self._reply, self._decoder
        reply.begin(self._heartbeat)
        try:
            if reply.headers.get("content-encoding", "identity").lower() != "identity":
                raise ValueError("encoded, though nobody asked for it")
            if "event-stream" in reply.headers.get("content-type", "").lower():
                yield from self._streamed()
            else:
                yield from self._whole()
            if not self._closed:
                yield decoder.finish()
                if decoder.done:
                    self._drain()
        except _UNREADABLE as error:
            log.warning("model server sent what cannot be read: %r", error)
            raise ModelError(Problem.UPSTREAM_FAILED) from error
        finally:
            reply.close()

    def close(self) -> None:
        self._closed = True
        self._reply.close()

    def _streamed(self) -> Iterator[Sequence[Chunk]]:
        """Every token comes through here."""
        decoder, read, events = self._decoder, self._reply.read, EventStream()
        while not decoder.done:
            try:
                piece = read()
            except ModelError:
                if decoder.finished:
                    return  # silence, a cut and a reset behind the finish reason are no failures any more
                raise
            chunks: list[Chunk] = []
            try:
                self._decode(events.end() if piece is None else events.feed(piece), chunks)
            except (ModelError, *_UNREADABLE):
                if chunks:  # what came before it was said
                    yield chunks
                raise
            if chunks or piece == b"":
                yield chunks
            if piece is None:
                return
            if decoder.finished:
                self._reply.limit_silence(ENDING_SECONDS)

    def _decode(self, events: Sequence[bytes], chunks: list[Chunk]) -> None:
        decoder, counts = self._decoder, False
        for data in events:
            if decoder.done:
                break
            if not data:
                continue  # some gateways keep the connection alive so
            found = decoder.event(data)
            if found is not None:
                chunks += found
                counts = True
        if counts:
            self._reply.progressed()

    def _whole(self) -> Iterator[Sequence[Chunk]]:
        data = b""
        while (piece := self._reply.read()) is not None:
            if not piece:
                yield ()
            data += piece
            if len(data) > MOST_WHOLE_BYTES:
                raise ValueError("endless answer")
        if not self._closed:
            yield self._decoder.whole(data)

    def _drain(self) -> None:
        """To the terminating chunk, so that the connection can be used again."""
        silently: Any = False
        with suppress(ModelError), gevent.Timeout(DRAIN_SECONDS, silently):  # the answer is complete without it
            while self._reply.read() is not None:
                pass
