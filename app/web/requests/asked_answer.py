"""Which answer a caller reads on or stops, on the wires where a conversation has no name: the one that `Last-Event-ID`
names."""

from typing import Any

from app.engine.errors import ChatError, Problem
from app.store.answer_states import AnswerState
from app.store.histories import HistoryScope
from app.web.reference.operations import LAST_EVENT_ID, Content, Operation, Reply, Shape, ok
from app.web.requests.call import Call
from app.web.requests.positions import HEADER, CursorSchema, StreamCursor, asked_cursor
from app.web.services import services

MISSING = f"{HEADER}: Missing: which answer is meant?"


def asked_answer(
    call: Call, wire: str, also: str | None = None, missing: str = MISSING
) -> tuple[StreamCursor, AnswerState]:
    """The cursor, in the header or else in `also`, and its answer: whoever knows an answer's id may read it, unless it
    is a key's. Raises ChatError, with the words `missing` where there is no cursor."""
    cursor = asked_cursor(also)
    if cursor is None:
        raise ChatError(Problem.INVALID, missing, fields={HEADER: "Missing."})
    scope = HistoryScope(call.caller.agent.id, wire, call.caller.owner)
    return cursor, services().answers.named(scope, cursor.answer_id)


def operations_on_answers(
    path: str, whose: str, events: Content, stopped: Shape, example: Any
) -> tuple[Operation, Operation]:
    """To read an answer on, and to stop it. `whose` says who may; `stopped` is how one stands that was."""
    read_on = Operation(
        "get",
        path,
        "Read on",
        (
            Reply(200, "The events that come behind, and the end.", (events,)),
            Reply(204, "The cursor is that of the last event."),
        ),
        description=whose,
        query=CursorSchema,
        headers=LAST_EVENT_ID,
        problems=(Problem.INVALID, Problem.NOT_FOUND, Problem.LIMITED),
    )
    told = "How the answer stands. If it ran, it has ended with what it had said."
    stop = Operation(
        "delete",
        path,
        "Stop",
        (ok(told, stopped, example),),
        headers={HEADER: "Any position in the answer that is meant"},
        problems=(Problem.INVALID, Problem.NOT_FOUND),
    )
    return read_on, stop
