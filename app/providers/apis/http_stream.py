"""The stream of a model that is reached over HTTP: pieces of a response in, batches of chunks out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import gevent
import orjson

from app.engine.chunks import Chunk
from app.engine.errors import FailureKind, ModelError, Problem
from app.engine.ports import TakesText
from app.engine.prompt import Prompt
from app.providers.apis.decoder import UNREADABLE, Decoder
from app.providers.transport.redaction import redacted
from app.providers.transport.response import UpstreamResponse
from app.providers.transport.sse import EventStream
from app.providers.transport.upstream import Upstream

MOST_WHOLE_BYTES = 16 * 1024 * 1024  # of a response that is no stream
DRAIN_SECONDS = 0.05  # for the end of a response whose answer is complete, so that its connection can be kept
LONGEST_REASON = 500  # characters, for the log
ENDING_SECONDS = 1.0  # between the finish reason and the usage: they come together, if the usage comes at all


class ChunkStream:
    """Implements the engine's `Stream` of chunks over one response; `heartbeat` is in seconds."""

    def __init__(self, response: UpstreamResponse, decoder: Decoder, heartbeat: float) -> None:
        self._response = response
        self._decoder = decoder
        self._heartbeat = heartbeat
        self._closed = False
        self._events = EventStream()

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        response, decoder = self._response, self._decoder
        response.begin(self._heartbeat)
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise ValueError("encoded, which was not asked for")
            if "event-stream" in response.headers.get("content-type", "").lower():
                yield from self._streamed()
            else:
                yield from self._whole()
            if not self._closed:
                yield decoder.finish()
                if decoder.done:
                    self._drain()
        except UNREADABLE as error:
            reason = f"sent what cannot be read: {redacted(repr(error))[:LONGEST_REASON]}"
            raise ModelError(Problem.UPSTREAM_FAILED, reason=reason) from error
        finally:
            response.close()

    def close(self) -> None:
        self._closed = True
        self._response.close()

    def shorten(self, take: TakesText) -> None:
        """See `Shortened`."""

        def take_from(data: bytes) -> bool | None:
            text = decoder.text_in_chunk(data) if events.between_events else None
            taken = take(text) if text else None
            if taken is not None:
                progressed(chunks=True)
            return taken

        decoder, events, progressed = self._decoder, self._events, self._response.progressed
        self._response.shorten(take_from)

    def _streamed(self) -> Iterator[Sequence[Chunk]]:
        """Every token comes through here that does not take the shortcut."""
        decoder, read, events = self._decoder, self._response.read, self._events
        while not decoder.done:
            try:
                piece = read()
            except ModelError:
                if decoder.finished:
                    return  # after the finish reason, silence, a cut and a reset are no failures
                raise
            chunks: list[Chunk] = []
            try:
                self._decode(events.end() if piece is None else events.feed(piece), chunks)
            except (ModelError, *UNREADABLE):
                if chunks:  # they came before the fault
                    yield chunks
                raise
            if chunks or piece == b"":
                yield chunks
            if piece is None:
                return
            if decoder.finished:
                self._response.limit_silence(ENDING_SECONDS)

    def _decode(self, events: Sequence[bytes], chunks: list[Chunk]) -> None:
        decoder, progress = self._decoder, False
        for data in events:
            if decoder.done:
                break
            if not data:
                continue  # some gateways send these as keep-alives
            decoded = decoder.event(data)
            if decoded is not None:
                chunks += decoded
                progress = True
        if progress:
            self._response.progressed(chunks=bool(chunks))

    def _whole(self) -> Iterator[Sequence[Chunk]]:
        data = b""
        while (piece := self._response.read()) is not None:
            if not piece:
                yield ()
            data += piece
            if len(data) > MOST_WHOLE_BYTES:
                raise ValueError("endless response")
        if not self._closed:
            yield self._decoder.whole(data)

    def _drain(self) -> None:
        """Read to the end of the response, if it comes at once, so that the connection can be used again."""
        silently: Any = False
        with suppress(ModelError), gevent.Timeout(DRAIN_SECONDS, silently):  # the answer is complete without it
            while self._response.read() is not None:
                pass


def last_refusal(prompt: Prompt) -> str:
    """What the server said of the last request that it refused."""
    return str(prompt.exchange.refused[-1].details["said"])


def open_stream(  # noqa: PLR0917 - what a stream is opened with
    upstream: Upstream,
    path: str,
    prompt: Prompt,
    payloads: Iterable[Mapping[str, Any]],
    decoder: Decoder,
    heartbeat: float,
) -> ChunkStream:
    """Post the first payload as JSON; where the server takes it for a wrong request, or too long, the next one in its
    place, but none twice. Raises ModelError where the server refuses the last one, or cannot be reached.
    """
    exchange = prompt.exchange
    asked: list[bytes] = []
    for payload in payloads:
        body = orjson.dumps(payload)
        if body in asked:
            continue
        asked.append(body)
        response = upstream.post(path, body, exchange)
        if response.status == 200:
            return ChunkStream(response, decoder, heartbeat)
        error = response.refusal()
        error.details["server_request_id"] = exchange.server_request_id
        if error.kind not in (FailureKind.REFUSED, FailureKind.TOO_LONG):
            raise error
        exchange.refused.append(error)
    raise exchange.refused.pop()
