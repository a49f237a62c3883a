"""From a question to a response: streamed through a dialect's encoder, or whole."""

import logging
from collections.abc import Iterator
from time import monotonic

from flask import Response, request

from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed, TurnFinished
from app.engine.turn import Question, Turn
from app.http.connection import Watcher
from app.http.dialect import Encoder
from app.http.services import services
from app.http.wire import STREAM_HEADERS

log = logging.getLogger(__name__)


class _Answering:
    """A turn that has begun, with the watcher on its caller."""

    def __init__(self, question: Question) -> None:
        shared = services()
        self._messages_logged = shared.settings.server.log_messages
        self.turn = Turn(shared.engine, question)
        self._watcher = Watcher(request.environ.get("gunicorn.socket"), self._caller_left)
        self._closed = False
        try:
            self.turn.begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._watcher.stop()
        self.turn.close()
        self._log()

    def _caller_left(self) -> None:
        self.turn.cancel(ChatError(Problem.INTERNAL, "The caller left"))

    def _log(self) -> None:
        turn, question = self.turn, self.turn.question
        now = monotonic()
        fields = {
            "request_id": question.request_id,
            "dialect": question.conversation.channel,
            "agent": question.agent.id,
            "model": question.agent.model,
            "outcome": turn.status or "refused",
            "prompt_tokens": turn.usage.prompt_tokens,
            "completion_tokens": turn.usage.completion_tokens,
            "seconds": round(now - turn.started, 4),
            "first_token_seconds": round(turn.first_token - turn.started, 4) if turn.first_token else None,
        }
        if self._messages_logged:
            fields |= {"question": question.messages[-1].text, "answer": turn.text}
        log.info("turn", extra=fields)


def stream(question: Question, encoder: Encoder) -> Response:
    """Stream the answer. Raises ChatError while nothing has been sent; later failures are the encoder's to tell."""
    answering = _Answering(question)
    response = Response(_encoded(answering.turn, encoder), content_type=encoder.content_type, headers=STREAM_HEADERS)
    response.call_on_close(answering.close)  # runs in every case, even if the generator was never started
    return response


def _encoded(turn: Turn, encoder: Encoder) -> Iterator[bytes]:
    """Even nothing is passed on: an empty first piece sends the headers."""
    for batch in turn.run():
        yield encoder.encode(batch)


def whole(question: Question) -> TurnFinished:
    """Wait for the answer. Raises ChatError."""
    answering = _Answering(question)
    try:
        for batch in answering.turn.run():
            for event in batch:
                if isinstance(event, TurnFailed):
                    raise event.error
                if isinstance(event, TurnFinished):
                    finished = event
        return finished
    finally:
        answering.close()
