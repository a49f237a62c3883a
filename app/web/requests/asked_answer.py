"""Which answer a caller reads on or stops, on the wires where a conversation has no name: the one that `Last-Event-ID`
names."""

from app.engine.errors import ChatError, Problem
from app.store.answer_states import AnswerState
from app.store.histories import HistoryScope
from app.web.requests.call import Call
from app.web.requests.positions import HEADER, StreamCursor, asked_cursor
from app.web.services import services


def asked_answer(call: Call, wire: str, also: str | None = None) -> tuple[StreamCursor, AnswerState]:
    """The cursor, in the header or else in `also`, and its answer: whoever knows an answer's id may read it, unless it
    is a key's. Raises ChatError."""
    cursor = asked_cursor(also)
    if cursor is None:
        raise ChatError(Problem.INVALID, f"{HEADER}: Missing: which answer is meant?", fields={HEADER: "Missing."})
    scope = HistoryScope(call.caller.agent.id, wire, call.caller.owner)
    return cursor, services().answers.named(scope, cursor.answer_id)
