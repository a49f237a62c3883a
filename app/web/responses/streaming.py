"""From a question to a response: streamed through a wire's encoder, or whole."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

import gevent
from flask import Response, request
from gevent import GreenletExit, get_hub, getcurrent

from app.engine.engine import Plan
from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed, TurnFinished, TurnStarted
from app.engine.question import Question
from app.engine.turn import Turn
from app.web.responses.framing import STREAM_HEADERS
from app.web.services import services
from app.web.wire import Encoder

log = logging.getLogger(__name__)

PATIENCE = (0.01, 0.03, 0.06, 0.1)  # seconds


class _WatchedTurn:
    """A turn that has begun, with the watcher on its caller."""

    def __init__(self, question: Question, plan: Plan | None) -> None:
        shared = services()
        self._messages_logged = shared.settings.server.log_messages
        self._greenlet = getcurrent()
        self._closed = False
        self._left = False
        self._new_turn = partial(Turn, shared.engine, question, plan)
        self.turn = self._new_turn()
        watch = request.environ.get("parlance.watch")
        self._watcher = watch(self._caller_left) if watch else None
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """Retry BUSY briefly: a client that cancels and asks again may arrive before the cancelled turn has released
        the conversation."""
        for pause in PATIENCE:
            try:
                self.turn.begin()
            except ChatError as error:
                if error.problem is not Problem.BUSY:
                    raise
                gevent.sleep(pause)
                self.turn = self._new_turn()
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
        if self.turn.generation.connecting:
            get_hub().loop.run_callback(self._stop_connecting)

    def _stop_connecting(self) -> None:
        """Nothing has been answered and nobody waits for it. In the event loop, where nothing else runs meanwhile."""
        if self.turn.generation.connecting:
            self._greenlet.throw(GreenletExit())

    def _log(self) -> None:
        turn, question = self.turn, self.turn.question
        now, first_token = monotonic(), turn.generation.first_token
        fields = {
            "request_id": question.request_id,
            "wire": question.conversation.wire,
            "agent": question.agent.id,
            "model": turn.generation.model,
            "outcome": turn.status or "refused",
            "prompt_tokens": turn.generation.usage.prompt_tokens,
            "completion_tokens": turn.generation.usage.completion_tokens,
            "seconds": round(now - turn.started, 4),
            "first_token_seconds": round(first_token - turn.started, 4) if first_token else None,
        }
        if self._messages_logged:
            fields |= {"question": turn.question_text, "answer": turn.generation.transcript.message().text}
        log.info("turn", extra=fields)


def stream(question: Question, encoder: Encoder, plan: Plan | None = None) -> Response:
    """Stream the answer, made by the agent's own plan if none is passed.

    Raises ChatError while nothing has been sent; later failures are encoded into the stream.
    """
    watched = _WatchedTurn(question, plan)
    response = Response(content_type=encoder.content_type, headers=STREAM_HEADERS, direct_passthrough=True)
    response.response = _Body(response, _encoded(watched.turn, encoder, request.environ.get("parlance.send")))
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


def whole(question: Question, plan: Plan | None = None) -> tuple[TurnStarted, TurnFinished]:
    """Wait for the answer, made by the agent's own plan if none is passed; the first and the last event of the turn.
    Raises ChatError."""
    watched = _WatchedTurn(question, plan)
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
