"""Rows of answers: claimed with their questions, ended once by the worker that made them, and paid.

An answer that is being made is a row whose `status` is `running`, with the worker that makes it, the key that pays, and
what is held of its budget. A unique index lets a conversation have one: that is the claim. Only its worker may end it:
that is the fence. Whoever buries a dead worker (workers.py) ends the rows that it has left.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from app.engine.conversation import Charge, RequestKey
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord
from app.store import parts
from app.store.compiled import Compiled
from app.store.repeated import repeatable_columns
from app.store.row_locks import lock_row
from app.store.tables import held, keys, messages, running
from app.store.trips import unanswered

# The fence. What a resumed answer has cost and taken before is added to.
_END = Compiled(
    update(messages)
    .where(messages.c.id == bindparam("answer"), messages.c.worker == bindparam("me"), running)
    .values(
        parts=bindparam("said"),
        status=bindparam("ended"),
        finish_reason=bindparam("reason"),
        prompt_tokens=func.coalesce(messages.c.prompt_tokens, 0) + bindparam("prompt"),
        completion_tokens=func.coalesce(messages.c.completion_tokens, 0) + bindparam("completion"),
        model=bindparam("by"),
        credits=func.coalesce(messages.c.credits, 0) + bindparam("cost"),
        mark=bindparam("noted"),
        held=0,
        due=0,
    )
)
_MINE = select(messages.c.id).where(messages.c.id == bindparam("answer"), messages.c.worker == bindparam("me"))
_HELD = select(func.coalesce(func.sum(messages.c.held), 0)).where(messages.c.payer == bindparam("account"), held)
_LEFT = Compiled(
    select(keys.c.credits - keys.c.spent - _HELD.scalar_subquery()).where(keys.c.id == bindparam("account"))
)
_CHARGE = Compiled(
    unanswered(update(keys).where(keys.c.id == bindparam("account")).values(spent=keys.c.spent + bindparam("cost")))
)
# What was said since the last checkpoint is given up; a resumed answer keeps what it had said before.
_GIVE_UP = unanswered(
    update(messages)
    .where(messages.c.id == bindparam("answer"), messages.c.worker == bindparam("me"), running)
    .values(status="interrupted", finish_reason="other", held=0, due=0)
)


def running_columns(
    worker: str,
    charge: Charge | None,
    request_key: RequestKey | None = None,
    kept: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the row of an answer says while it runs."""
    payer, reserved = (charge.account, charge.held) if charge else (None, 0)
    columns = {"status": "running", "worker": worker, "payer": payer, "held": reserved, "request": kept}
    return columns | repeatable_columns(request_key)


def check_budget(connection: Connection, charge: Charge) -> None:
    """Raises ChatError(EXHAUSTED) where the budget does not cover what was spent, what runs, and this.

    Two questions at once cannot both hold the last credits: SQLite has one writer; elsewhere the key's row is locked
    before the answers that run are summed.
    """
    account = {"account": charge.account}
    lock_row(connection, keys.c.id, charge.account)
    left = _LEFT.scalar(connection, account)
    if left is None or left < charge.held:
        raise ChatError(Problem.EXHAUSTED)


def end_answer(connection: Connection, worker: str, answer_id: str, answer: AnswerRecord) -> bool:
    """End the worker's answer; tokens and credits are added to those of a resumed one.

    False where it has been ended so already: a first commit was taken for a failure. Raises ChatError(LOST) where it
    is not this worker's, or gone.
    """
    mine = {"answer": answer_id, "me": worker}
    ended = {
        **mine,
        "said": parts.parts_to_json(answer.message),
        "ended": answer.status,
        "reason": answer.finish_reason,
        "prompt": answer.usage.prompt_tokens,
        "completion": answer.usage.completion_tokens,
        "by": answer.model,
        "cost": answer.credits,
        "noted": answer.mark,
    }
    if _END.run(connection, ended):
        return True
    if connection.execute(_MINE, mine).first():
        return False
    raise ChatError(Problem.LOST)


def settle(connection: Connection, charge: Charge | None, answer: AnswerRecord) -> None:
    """Charge the payer's key with what the answer costs."""
    if charge and answer.credits:
        _CHARGE.run(connection, {"account": charge.account, "cost": answer.credits})


def give_up_answer(connection: Connection, worker: str, answer_id: str) -> None:
    """End the worker's answer as interrupted, with what was stored of it before; it costs nothing."""
    connection.execute(_GIVE_UP, {"answer": answer_id, "me": worker})
