"""From a question to a response: streamed through a wire's encoder, or whole."""

import logging
from collections.abc import Callable, Iterator
from time import monotonic

import gevent
from flask import Response, request
from gevent import GreenletExit, get_hub, getcurrent

from app.engine.engine import Engine, Question
from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed, TurnFinished, TurnStarted
from app.engine.turn import Turn
from app.web.responses.framing import STREAM_HEADERS
from app.web.services import services
from app.web.wire import Encoder

log = logging.getLogger(__name__)

PATIENCE = (0.01, 0.03, 0.06, 0.1)  # seconds


class _WatchedTurn:
    """A turn that has begun, with the watcher on its caller."""

    def __init__(self, question: Question) -> None:
        shared = services()
        self._messages_logged = shared.settings.server.log_messages
        self._greenlet = getcurrent()
        self._closed = False
        self._left = False
        self.turn = Turn(shared.engine, question)
        watch = request.environ.get("parlance.watch")
        self._watcher = watch(self._caller_left) if watch else None
        try:
            self._begin(shared.engine, question)
        except BaseException:
            self.close()
            raise

    def _begin(self, engine: Engine, question: Question) -> None:
        """Who stops an answer and asks at once comes before the answer has ended; so BUSY is worth a moment."""
        for pause in PATIENCE:
            try:
                self.turn.begin()
            except ChatError as error:
                if error.problem is not Problem.BUSY:
                    raise
                gevent.sleep(pause)
                self.turn = Turn(engine, question)
                if self._left:  # meanwhile; the watcher tells it once
                    self._caller_left()
            else:
                return
        self.turn.begin()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._watcher:
            self._watcher.stop()
        self.turn.close()
        self._log()

    def _caller_left(self) -> None:
        self._left = True
        self.turn.cancel(ChatError(Problem.INTERNAL, "The caller left"))
        if self.turn.opening:
            get_hub().loop.run_callback(self._stop_opening)

    def _stop_opening(self) -> None:
        """Nothing has been answered and nobody waits for it. In the event loop, where nothing else runs meanwhile."""
        if self.turn.opening:
            self._greenlet.throw(GreenletExit())

    def _log(self) -> None:
        turn, question = self.turn, self.turn.question
        now = monotonic()
        fields = {
            "request_id": question.request_id,
            "wire": question.conversation.wire,
            "agent": question.agent.id,
            "model": turn.model,
            "outcome": turn.status or "refused",
            "prompt_tokens": turn.usage.prompt_tokens,
            "completion_tokens": turn.usage.completion_tokens,
            "seconds": round(now - turn.started, 4),
            "first_token_seconds": round(turn.first_token - turn.started, 4) if turn.first_token else None,
        }
        if self._messages_logged:
            fields |= {"question": turn.asked, "answer": turn.text}
        log.info("turn", extra=fields)


def stream(question: Question, encoder: Encoder) -> Response:
    """Stream the answer. Raises ChatError while nothing has been sent; later failures are the encoder's to tell."""
    answering = _WatchedTurn(question)
    response = Response(content_type=encoder.content_type, headers=STREAM_HEADERS, direct_passthrough=True)
    response.response = _Body(response, _encoded(answering.turn, encoder, request.environ.get("parlance.send")))
    response.call_on_close(answering.close)  # runs in every case, even if the generator was never started
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


def _encoded(turn: Turn, encoder: Encoder, send: Callable[[bytes], None] | None) -> Iterator[bytes]:
    """Sends the pieces itself where it can. What it yields first, nothing, has the server send the headers."""
    encode = encoder.encode
    yield b""
    for batch in turn.run():
        piece = encode(batch)
        if send is None:
            yield piece
        elif piece:
            send(piece)


def whole(question: Question) -> tuple[TurnStarted, TurnFinished]:
    """Wait for the answer; the two events that frame it. Raises ChatError."""
    answering = _WatchedTurn(question)
    try:
        for batch in answering.turn.run():
            for event in batch:
                if isinstance(event, TurnFailed):
                    raise event.error
                if isinstance(event, TurnStarted):
                    started = event
                if isinstance(event, TurnFinished):
                    finished = event
        return started, finished
    finally:
        answering.close()
