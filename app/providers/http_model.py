"""The stream of a model that is reached over HTTP: pieces of a reply in, batches of chunks out."""

import logging
from collections.abc import Iterator, Sequence
from typing import Protocol

import gevent

from app.engine.errors import ModelError, Problem
from app.engine.ports import Chunk
from app.providers.sse import EventStream
from app.providers.upstream import Reply

log = logging.getLogger(__name__)

MOST_WHOLE_BYTES = 16 * 1024 * 1024
DRAIN_SECONDS = 0.05
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)  # what reading nonsense raises


class Decoder(Protocol):
    """One provider's reading of a reply. `done` says that the answer is complete, whatever still comes."""

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
            if "event-stream" in reply.headers.get("content-type", ""):
                events, read = EventStream(), reply.read
                while not decoder.done and (piece := read()) is not None:
                    chunks: list[Chunk] = []
                    try:
                        for data in events.feed(piece):
                            chunks += self._decoded(data)
                    except (ModelError, *_UNREADABLE):
                        if chunks:  # what came before it was said
                            yield chunks
                        raise
                    if chunks or not piece:
                        yield chunks
                rest = [chunk for data in events.end() for chunk in self._decoded(data)]
                if rest:
                    yield rest
            else:
                yield from self._whole()
            if not self._closed:
                yield decoder.finish()
                self._drain()
        except _UNREADABLE as error:
            log.warning("model server sent what cannot be read: %r", error)
            raise ModelError(Problem.UPSTREAM_FAILED) from error
        finally:
            reply.close()

    def close(self) -> None:
        self._closed = True
        self._reply.close()

    def _decoded(self, data: bytes) -> Sequence[Chunk]:
        chunks = None if self._decoder.done else self._decoder.event(data)
        if chunks is None:
            return ()
        self._reply.progressed()
        return chunks

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
        with gevent.Timeout(DRAIN_SECONDS, False):  # type: ignore[arg-type]  # gevent's way to say "silently"
            while self._reply.read() is not None:
                pass
