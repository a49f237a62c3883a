"""What answers have taken: sums over the messages, by day, key, agent and model."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, not_, select

from app.store.database import make_engine
from app.store.faults import known_errors
from app.store.tables import conversations, messages, running

BY = ("day", "key", "agent", "model")

_DAY_MS = 86_400_000
_COLUMNS = {
    "day": messages.c.created_at // _DAY_MS,
    "key": messages.c.payer,
    "agent": conversations.c.agent,
    "model": messages.c.model,
}
_STATUS = func.coalesce(messages.c.status_before, messages.c.status)  # also of what has made room for another answer
# What callers post as an assistant's has no reason why it ended.
_ANSWERS = and_(messages.c.role == "assistant", messages.c.finish_reason.is_not(None), not_(running))


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the answers that have in common what `by` names: `day` in whole days since the epoch (UTC), ids of keys (None
    where no key paid), agents, models (None where none had accepted the question).

    Tokens are those that models have told of. `failures` are among the `answers`.
    """

    by: tuple[int | str | None, ...]
    answers: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    credits: int


def usage(url: str, by: Sequence[str], since: int | None = None) -> list[Sums]:
    """The sums for each combination of what `by` names, of BY, in order; of answers that were begun at `since` (epoch
    milliseconds) or later. Answers that are being made are left out, what was erased is gone. Raises StoreError.

    Reads all messages, in this thread, however long that takes: for the command line.
    """
    columns = [_COLUMNS[name].label(name) for name in by]
    wanted = _ANSWERS if since is None else and_(_ANSWERS, messages.c.created_at >= since)
    statement = (
        select(
            *columns,
            func.count(),
            func.sum(case((_STATUS == "failed", 1), else_=0)),
            *(
                func.coalesce(func.sum(messages.c[name]), 0)
                for name in ("prompt_tokens", "completion_tokens", "credits")
            ),
        )
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(wanted)
        .group_by(*columns)
    )
    with known_errors(), make_engine(url, patient=True).connect() as connection:
        rows = connection.execute(statement).all()
    found = [Sums(tuple(row[: len(by)]), *map(int, row[len(by) :])) for row in rows]
    return sorted(found, key=lambda sums: [(each is not None, each) for each in sums.by])
