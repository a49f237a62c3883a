"""An answer's batches, sent to one caller through a wire's encoder, in one write each."""

from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic
from typing import Protocol

from flask import Response, request

from app.engine.events import Batch, TurnFailed, TurnFinished
from app.web.responses.framing import STREAM_HEADERS
from app.web.server.probes import KeepAlive, PieceSender
from app.web.services import services
from app.web.wire import Encoder

_ENDS = (TurnFinished, TurnFailed)


class Told(Protocol):
    """Batches of an answer for one caller; `WatchedTurn` makes the answer, `Follower` listens to one.

    `begins_at_once`: the first batch is there when it is asked for.
    """

    begins_at_once: bool

    def run(self) -> Iterator[Batch]:
        """The last event is TurnFinished or TurnFailed. An empty batch is a heartbeat."""
        ...

    def shorten(self, send: Callable[[Batch], bool]) -> None:
        """From now on batches may be sent so, by the event loop, instead of coming out of `run`: see `Turn.shorten`."""
        ...

    def probe_by(self, probe: Callable[[], None]) -> None:
        """How to find out, from now on, whether the caller is still there: see watcher.py."""
        ...

    def outlives_caller(self) -> bool:
        """Called where the caller cannot be reached any more: whether the batches are to be taken to their end."""
        ...

    def others_wait(self) -> bool:
        """Asked where the caller does not read: whether somebody waits for it, so that it is dropped."""
        ...

    def close(self) -> None:
        """May be called more than once."""
        ...


def streamed(told: Told, encoder: Encoder, answer_id: str) -> Response:
    """A response with the batches as the wire's frames."""
    headers = {**STREAM_HEADERS, "X-Turn-Id": answer_id}
    response = Response(content_type=encoder.content_type, headers=headers, direct_passthrough=True)
    sender, heartbeat = request.environ.get("parlance.pieces"), services().engine.heartbeat
    pieces = _sent(told, encoder, sender, heartbeat) if sender else _yielded(told, encoder, heartbeat)
    response.response = _Body(response, pieces)
    response.call_on_close(told.close)  # runs in every case, even if the generator was never started
    return response


class _Body:
    """What the server iterates: the generator itself, without the iterators that werkzeug would put around it."""

    def __init__(self, response: Response, pieces: Iterator[bytes]) -> None:
        self._response = response
        self._pieces = pieces
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        if not self._closed:
            self._closed = True  # the response closes what it holds, which is this
            self._pieces.close()  # type: ignore[attr-defined]  # a generator
            self._response.close()


def _sent(told: Told, encoder: Encoder, pieces: PieceSender, heartbeat: float) -> Iterator[bytes]:
    """Send each piece past the server. The empty piece that is yielded has the server write the head.

    The turn's heartbeats are left out: what the caller is to hear is not what the model's silence is.
    """
    encode, send, keep_alive = encoder.encode, pieces.send, encoder.encode(())
    batches = told.run()
    heard = None
    try:
        if told.begins_at_once:
            pieces.hold_head()
        yield b""
        told.probe_by(partial(pieces.probe, keep_alive))
        pieces.gives_up = told.others_wait
        heard = KeepAlive(pieces, keep_alive, heartbeat)
        told.shorten(partial(_push, encode, pieces.push))
        for batch in batches:
            piece = encode(batch) if batch else b""
            if not piece:
                pieces.flush()
            elif type(batch[-1]) in _ENDS:
                heard.stop()
                told.close()  # before the response ends: who reads to its end finds the turn in the log
                pieces.send_last(piece)
            else:
                send(piece)
    except (OSError, GeneratorExit):  # the latter where the head could not be sent
        if not told.outlives_caller():
            raise
        _stop(heard)
        told.shorten(lambda _batch: True)
        for _ in batches:
            pass
    finally:
        _stop(heard)
        told.close()


def _stop(heard: KeepAlive | None) -> None:
    if heard:
        heard.stop()


def _push(encode: Callable[[Batch], bytes], push: Callable[[bytes], bool], batch: Batch) -> bool:
    """As `send` of `Turn.shorten`."""
    piece = encode(batch)
    return push(piece) if piece else True


def _yielded(told: Told, encoder: Encoder, heartbeat: float) -> Iterator[bytes]:
    """The pieces, for a server that sends them itself. A keep-alive stands in place of what the wire does not show: it
    comes with the first batch that is `heartbeat` seconds late, which may take as long once more."""
    encode, keep_alive = encoder.encode, encoder.encode(())
    batches = told.run()
    sent_at = monotonic()
    try:
        yield b""
        for batch in batches:
            piece = encode(batch) if batch else b""
            if not piece and monotonic() - sent_at >= heartbeat:
                piece = keep_alive
            if piece:
                yield piece
                sent_at = monotonic()
    except GeneratorExit:
        if not told.outlives_caller():
            raise
        for _ in batches:
            pass
    finally:
        told.close()
