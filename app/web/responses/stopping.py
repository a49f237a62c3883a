"""Ending an answer at its owner's word."""

from dataclasses import replace
from time import monotonic

import gevent

from app.engine.errors import ChatError, Problem
from app.store.answer_states import AnswerState
from app.web.responses.watched_turn import ENDING_SECONDS
from app.web.services import services

_LOOK_SECONDS = 0.005
_ELSEWHERE_SECONDS = 0.1  # between two looks at an answer's row

STATUSES = ("complete", "interrupted", "failed", "running")
STATUS = {"description": f"`running` where it could not be stored within {ENDING_SECONDS} seconds"}


def stop_answer(conversation_id: str, answer_id: str | None = None) -> AnswerState | None:
    """End the answer that runs in this conversation of the caller's (of those, the one with this id alone, where one is
    named), wherever it is listened to; its model is cut off at once. Returns how it stands then, or how the last answer
    does; None where there never was one. Again is harmless.

    An answer whose question is still being stored ends before its model is asked. Waits until what was said is stored,
    for at most ENDING_SECONDS; where it is not by then, the answer runs still.
    """
    running, answers = services().engine.running_turns, services().answers
    deadline, ended = monotonic() + ENDING_SECONDS, answer_id
    turn = running.holder(conversation_id)
    while turn and answer_id and turn.answer_id is None and monotonic() < deadline:  # which one it is is not known yet
        gevent.sleep(_LOOK_SECONDS)
        turn = running.holder(conversation_id)
    if turn and answer_id in (None, turn.answer_id):
        turn.cancel(ChatError(Problem.STOPPED))
        while running.holder(conversation_id) is turn and monotonic() < deadline:
            gevent.sleep(_LOOK_SECONDS)
        ended = turn.answer_id
    state = answers.numbered(ended) if ended else None
    state = state if state or answer_id else answers.latest(conversation_id)
    return _stopped_elsewhere(state, deadline) if state else None


def _stopped_elsewhere(state: AnswerState, deadline: float) -> AnswerState:
    """How the answer stands once the other worker that makes it, if one does, has ended it."""
    shared, last = services(), state
    if state.runs_elsewhere(shared.worker.id):
        shared.elsewhere.stop(state.id)
    while last.runs_elsewhere(shared.worker.id) and monotonic() < deadline:
        gevent.sleep(_ELSEWHERE_SECONDS)
        last = shared.answers.numbered(state.id) or replace(state, status="interrupted")  # gone with its conversation
    return last
