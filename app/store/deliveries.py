"""What webhooks are to be told (outbox.py): claimed by a worker, delivered or tried again later, and deleted in time.

A row waits while it has `next_at`: when it is due. A claim moves that on by CLAIM_SECONDS, so what a worker has claimed
that dies is due again then. All times are of the hosts' wall clocks: where these differ much, something may be sent
twice, and nothing is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, and_, bindparam, case, delete, func, or_, select, update

from app.store.database import Database
from app.store.tables import deliveries, now
from app.store.trips import unanswered

CLAIM_SECONDS = 60
KEPT_DAYS = 7  # what was delivered
MOST_KEPT_DAYS = 30  # what was not
LONGEST_ERROR = 200  # characters
_DAY = 86_400_000
_AT_ONCE = 500  # rows that one transaction deletes

_IS_DUE = and_(deliveries.c.webhook == bindparam("name"), deliveries.c.next_at <= bindparam("time"))
_ANY_DUE = select(deliveries.c.id).where(_IS_DUE).limit(1)
_DUE = (
    select(deliveries.c.id, deliveries.c.payload, deliveries.c.attempts)
    .where(_IS_DUE)
    .order_by(deliveries.c.next_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # what another host claims at this moment
)
_CLAIM = unanswered(
    update(deliveries)
    .where(deliveries.c.id == bindparam("row"))
    .values(worker=bindparam("me"), next_at=bindparam("until"), attempts=bindparam("attempt"))
)
# The fence: whose claim was taken over changes nothing.
_MINE = and_(
    deliveries.c.id == bindparam("row"),
    deliveries.c.worker == bindparam("me"),
    deliveries.c.attempts == bindparam("attempt"),
)
_DELIVERED = unanswered(
    update(deliveries)
    .where(_MINE)
    .values(
        worker=None,
        next_at=None,
        last_status=bindparam("status"),
        last_error=None,
        delivered_at=bindparam("time"),
    )
)
_FAILED = unanswered(
    update(deliveries)
    .where(_MINE)
    .values(
        worker=None,
        next_at=bindparam("next"),
        last_status=bindparam("status"),
        last_error=bindparam("error"),
        tried_at=bindparam("time"),
        failing_at=func.coalesce(deliveries.c.failing_at, bindparam("time")),
        failed_at=bindparam("given_up"),
    )
)
_RETRY = (
    update(deliveries)
    .where(
        deliveries.c.webhook == bindparam("name"),
        deliveries.c.delivered_at.is_(None),
        deliveries.c.worker.is_(None),
    )
    .values(next_at=bindparam("time"), attempts=0, failed_at=None)
)
# What is told once is known by its row.
_OLD = (
    select(deliveries.c.id)
    .where(
        deliveries.c.created_at < bindparam("kept"),
        or_(deliveries.c.delivered_at.is_not(None), deliveries.c.created_at < bindparam("most")),
        deliveries.c.event != "budget.exhausted",
    )
    .limit(_AT_ONCE)
)
_LAST_DELIVERED = (
    select(deliveries.c.webhook, func.max(deliveries.c.delivered_at).label("delivered_at"))
    .group_by(deliveries.c.webhook)
    .subquery()
)
_STATES = (
    select(
        deliveries.c.webhook,
        func.count(deliveries.c.next_at).label("waiting"),
        func.count(deliveries.c.failed_at).label("failed"),
        _LAST_DELIVERED.c.delivered_at,
        func.min(
            case(
                (
                    and_(
                        deliveries.c.delivered_at.is_(None),
                        deliveries.c.tried_at > func.coalesce(_LAST_DELIVERED.c.delivered_at, 0),
                    ),
                    deliveries.c.failing_at,
                )
            )
        ).label("failing_since"),
    )
    .join(_LAST_DELIVERED, _LAST_DELIVERED.c.webhook == deliveries.c.webhook)
    .group_by(deliveries.c.webhook, _LAST_DELIVERED.c.delivered_at)
)
_LAST_ERROR = (
    select(deliveries.c.last_error)
    .where(deliveries.c.webhook == bindparam("name"), deliveries.c.last_error.is_not(None))
    .order_by(deliveries.c.tried_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What its worker has claimed. `attempt` counts from 1."""

    id: str
    payload: str
    attempt: int


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """Of one webhook: how many deliveries wait, and were given up; times in epoch milliseconds. `failing_since` is None
    where nothing has failed since the last that was delivered."""

    webhook: str
    waiting: int = 0
    failed: int = 0
    delivered_at: int | None = None
    failing_since: int | None = None
    last_error: str | None = None


class DeliveryStore:
    """Methods raise what `Database` raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, webhook: str, worker: str, most: int) -> Sequence[Delivery]:
        """At most so many of those that are due, the longest due first. Where none is, nothing is written."""
        due: dict[str, object] = {"name": webhook, "time": now(), "most": most}
        if not self._database.read(lambda connection: connection.execute(_ANY_DUE, due).first()):
            return []
        return self._database.write(lambda connection: _claim(connection, due, worker))

    def delivered(self, delivery: Delivery, worker: str, status: int) -> None:
        values = {**_mine(delivery, worker), "status": status, "time": now()}
        self._database.write(lambda connection: connection.execute(_DELIVERED, values))

    def failed(self, delivery: Delivery, worker: str, error: str, status: int | None, pause: float | None) -> None:
        """Try again in `pause` seconds; None: never. `status` is what was answered, if anything was."""
        time = now()
        values = {
            **_mine(delivery, worker),
            "error": error[:LONGEST_ERROR],
            "status": status,
            "time": time,
            "next": None if pause is None else time + round(pause * 1000),
            "given_up": time if pause is None else None,
        }
        self._database.write(lambda connection: connection.execute(_FAILED, values))

    def retry(self, webhook: str) -> int:
        """All that were given up or wait are due now, as if they were new; returns how many. What is being sent is
        left alone."""
        values = {"name": webhook, "time": now()}
        return self._database.write(lambda connection: connection.execute(_RETRY, values).rowcount)

    def states(self) -> Sequence[DeliveryState]:
        """Of each webhook that was ever to be told something that is still known."""

        def work(connection: Connection) -> Sequence[DeliveryState]:
            found = [DeliveryState(**row) for row in connection.execute(_STATES).mappings()]
            errors = {each.webhook: connection.execute(_LAST_ERROR, {"name": each.webhook}).scalar() for each in found}
            return [replace(each, last_error=errors[each.webhook]) for each in found]

        return self._database.read(work)

    def delete_old(self) -> None:
        """What was delivered KEPT_DAYS after it arose, all else after MOST_KEPT_DAYS, in small transactions."""
        while self._database.write(partial(_delete_old, time=now())) == _AT_ONCE:
            pass


def _claim(connection: Connection, due: Mapping[str, object], worker: str) -> Sequence[Delivery]:
    claimed = [Delivery(row.id, row.payload, row.attempts + 1) for row in connection.execute(_DUE, due)]
    until = now() + CLAIM_SECONDS * 1000
    if claimed:
        connection.execute(_CLAIM, [{**_mine(each, worker), "until": until} for each in claimed])
    return claimed


def _mine(delivery: Delivery, worker: str) -> dict[str, object]:
    return {"row": delivery.id, "me": worker, "attempt": delivery.attempt}


def _delete_old(connection: Connection, time: int) -> int:
    values = {"kept": time - KEPT_DAYS * _DAY, "most": time - MOST_KEPT_DAYS * _DAY}
    ids = connection.execute(_OLD, values).scalars().all()
    connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
    return len(ids)
