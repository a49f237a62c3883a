"""From a question to a response: streamed through a wire's encoder, or in one piece."""

from collections.abc import Iterator
from functools import partial
from time import monotonic

from flask import Response, request

from app.engine.engine import Plan
from app.engine.events import TurnFailed, TurnFinished, TurnStarted
from app.engine.question import Question
from app.web.responses.framing import STREAM_HEADERS
from app.web.responses.watched_turn import WatchedTurn
from app.web.server.probes import KeepAlive, PieceSender
from app.web.services import services
from app.web.wire import Encoder


def stream_answer(question: Question, encoder: Encoder, plan: Plan | None = None) -> Response:
    """Stream the answer, made by the agent's own plan if none is passed.

    Raises ChatError while nothing has been sent; later failures are encoded into the stream.
    """
    watched = WatchedTurn(question, plan)
    response = Response(content_type=encoder.content_type, headers=STREAM_HEADERS, direct_passthrough=True)
    sender, heartbeat = request.environ.get("parlance.pieces"), services().engine.heartbeat
    pieces = _sent(watched, encoder, sender, heartbeat) if sender else _yielded(watched, encoder, heartbeat)
    response.response = _Body(response, pieces)
    response.call_on_close(watched.close)  # runs in every case, even if the generator was never started
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


def _sent(watched: WatchedTurn, encoder: Encoder, pieces: PieceSender, heartbeat: float) -> Iterator[bytes]:
    """Send each piece past the server. The empty piece that is yielded has the server send the headers.

    The turn's heartbeats are left out: what the caller is to hear is not what the model's silence is.
    """
    encode, send, keep_alive = encoder.encode, pieces.send, encoder.encode(())
    yield b""
    watched.probe_by(partial(pieces.probe, keep_alive))
    heard = KeepAlive(pieces, keep_alive, heartbeat)
    try:
        for batch in watched.turn.run():
            if batch:
                piece = encode(batch)
                if piece:
                    send(piece)
    finally:
        heard.stop()
        watched.close()  # before the response ends: who reads to its end finds the turn in the log


def _yielded(watched: WatchedTurn, encoder: Encoder, heartbeat: float) -> Iterator[bytes]:
    """The pieces, for a server that sends them itself. A keep-alive stands in place of what the wire does not show: it
    comes with the first batch that is `heartbeat` seconds late, which may take as long once more."""
    encode, keep_alive = encoder.encode, encoder.encode(())
    yield b""
    sent_at = monotonic()
    try:
        for batch in watched.turn.run():
            piece = encode(batch) if batch else b""
            if not piece and monotonic() - sent_at >= heartbeat:
                piece = keep_alive
            if piece:
                yield piece
                sent_at = monotonic()
    finally:
        watched.close()


def wait_for_answer(question: Question, plan: Plan | None = None) -> tuple[TurnStarted, TurnFinished]:
    """Run the turn to its end; returns its first and its last event. The answer is made by the agent's own plan if none
    is passed. Raises ChatError, also for what goes wrong in mid-answer."""
    watched = WatchedTurn(question, plan)
    try:
        for batch in watched.turn.run():
            for event in batch:
                if isinstance(event, TurnFailed):
                    raise event.error
                if isinstance(event, TurnStarted):
                    started = event
                if isinstance(event, TurnFinished):
                    finished = event
        return started, finished
    finally:
        watched.close()
