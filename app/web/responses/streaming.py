"""From a question to a response: streamed through a wire's encoder, or in one piece."""

from collections.abc import Iterator

from flask import Response

from app.engine.engine import Plan
from app.engine.errors import ChatError, Problem, RepeatedError
from app.engine.events import Batch, TurnFailed, TurnFinished, TurnStarted
from app.engine.question import Question
from app.engine.replay import Position
from app.web.requests.positions import wants_ids
from app.web.responses.following import repeated_answer, response_to_repeated
from app.web.responses.numbered import numbered
from app.web.responses.sending import Told, streamed
from app.web.responses.watched_turn import WatchedTurn
from app.web.wire import Encoder


def stream_answer(question: Question, encoder: Encoder, plan: Plan | None = None) -> Response:
    """Stream the answer, made by the agent's own plan if none is passed; with ids, where the caller asks for them.

    Where the caller asks the same again, it is the answer that it has already, or that is being made. Raises ChatError
    while nothing has been sent; later failures are encoded into the stream.
    """
    try:
        watched = WatchedTurn(question, plan)
    except RepeatedError as repeated:
        return response_to_repeated(question, repeated.answer_id, encoder)
    answer_id = watched.turn.first_event.answer_id
    if wants_ids():
        encoder = numbered(encoder, answer_id, Position(watched.turn.snapshot.begin))
    return streamed(watched, encoder, answer_id)


def begin_alone(question: Question) -> TurnStarted:
    """Begin an answer that is made to its end without its caller. Raises ChatError, and RepeatedError where the caller
    has asked the same before."""
    watched = WatchedTurn(question, None)
    watched.go_on_alone()
    return watched.turn.first_event


def wait_for_answer(question: Question, plan: Plan | None = None) -> tuple[TurnStarted, TurnFinished]:
    """Run the turn to its end; returns its first and its last event. The answer is made by the agent's own plan if none
    is passed, or is one that the caller has asked for before. Raises ChatError, also for what goes wrong in
    mid-answer."""
    told: Told
    try:
        told = WatchedTurn(question, plan)
    except RepeatedError as repeated:
        told = repeated_answer(question, repeated.answer_id)
    try:
        return _ends(told.run())
    finally:
        told.close()


def _ends(batches: Iterator[Batch]) -> tuple[TurnStarted, TurnFinished]:
    """Raises ChatError where the last event is a failure, or where there is none: who listened has left."""
    for batch in batches:
        for event in batch:
            if isinstance(event, TurnFailed):
                raise event.error
            if isinstance(event, TurnStarted):
                started = event
            if isinstance(event, TurnFinished):
                finished = event
                return started, finished
    raise ChatError(Problem.LEFT)
