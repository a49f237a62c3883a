"""From a question to a response: streamed through a wire's encoder, or in one piece."""

from collections.abc import Iterator
from functools import partial

from flask import Response, request

from app.engine.engine import Plan
from app.engine.events import TurnFailed, TurnFinished, TurnStarted
from app.engine.question import Question
from app.web.responses.framing import STREAM_HEADERS
from app.web.responses.watched_turn import WatchedTurn
from app.web.server.probes import PieceSender
from app.web.wire import Encoder


def stream_answer(question: Question, encoder: Encoder, plan: Plan | None = None) -> Response:
    """Stream the answer, made by the agent's own plan if none is passed.

    Raises ChatError while nothing has been sent; later failures are encoded into the stream.
    """
    watched = WatchedTurn(question, plan)
    response = Response(content_type=encoder.content_type, headers=STREAM_HEADERS, direct_passthrough=True)
    response.response = _Body(response, _encoded(watched, encoder, request.environ.get("parlance.pieces")))
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


def _encoded(watched: WatchedTurn, encoder: Encoder, pieces: PieceSender | None) -> Iterator[bytes]:
    """Send each piece by `pieces`, where there is one, past the server. The empty piece that comes first has the server
    send the headers."""
    encode = encoder.encode
    yield b""
    if pieces:
        send = pieces.send
        watched.probe_by(partial(pieces.probe, encode(())))
    try:
        for batch in watched.turn.run():
            piece = encode(batch)
            if pieces is None:
                yield piece
            elif piece:
                send(piece)
    finally:
        watched.stop_watching()


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
