"""Conversations whose time is over are deleted, and old rows of the audit log.

Every worker looks. Two that do so at once do no harm: whoever comes second to a conversation finds it gone.
"""

import logging
from collections.abc import Mapping, Sequence

import gevent
from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, not_, or_, select

from app.engine.errors import StoreError
from app.store.audit import amend, forget, record
from app.store.database import Database
from app.store.erasing import Eraser
from app.store.faults import Lasting
from app.store.tables import conversations, messages, now, running

log = logging.getLogger(__name__)

ACTOR = "retention"
DAY_MILLISECONDS = 24 * 3600 * 1000
FIRST_LOOK_SECONDS = 5.0  # after a worker's start
LOOK_SECONDS = 600.0
_FORGOTTEN = 300  # rows of the audit log, in one transaction
_PAUSE_SECONDS = 0.1


class Retention:
    """`days` is for all conversations, None: they stay; `agents` and `wires` have further numbers of days by their
    names. The shortest that applies to a conversation counts, from its last activity (`updated_at`). One that is pinned
    stays, and so does one in which an answer runs.
    """

    def __init__(
        self,
        database: Database,
        days: int | None = None,
        agents: Mapping[str, int] | None = None,
        wires: Mapping[str, int] | None = None,
        audit_days: int = 400,
    ) -> None:
        self._database, self._audit_days = database, audit_days
        columns = ((conversations.c.agent, agents or {}), (conversations.c.wire, wires or {}))
        # Each by itself, so that the index of ages leads to what may be over.
        self._rules: list[tuple[int, ColumnElement[bool] | None]] = [(days, None)] if days else []
        self._rules += [(number, column == name) for column, named in columns for name, number in named.items()]

    def start(self) -> None:
        gevent.spawn(self._run)

    def expire(self, actor: str = ACTOR) -> int:
        """Delete what is over by now, in small transactions with pauses; returns how many conversations there were.
        Raises what `Database` raises; the same again goes on."""
        tally, eraser = _Tally(actor), Eraser(self._database)
        erased = sum(eraser.erase(each, tally.note, by_age=True) for each in self._over())
        before = now() - self._audit_days * DAY_MILLISECONDS
        while self._database.write(lambda connection: forget(connection, before, _FORGOTTEN)):
            gevent.sleep(_PAUSE_SECONDS)
        return erased

    def count(self) -> int:
        """How many conversations `expire` would delete now."""
        query = select(func.count()).select_from(conversations).where(or_(false(), *self._over()))
        return int(self._database.read(lambda connection: connection.execute(query).scalar_one()))

    def _over(self) -> Sequence[ColumnElement[bool]]:
        """Which conversations each rule means."""
        time = now()
        stays = or_(conversations.c.pinned, exists().where(messages.c.conversation_id == conversations.c.id, running))
        return [
            and_(
                conversations.c.updated_at < time - days * DAY_MILLISECONDS,
                not_(stays),
                *([] if whose is None else [whose]),
            )
            for days, whose in self._rules
        ]

    def _run(self) -> None:
        looking = Lasting(log, "what is over is not erased")
        gevent.sleep(FIRST_LOOK_SECONDS)
        while True:
            try:
                erased = self.expire()
                looking.succeeded()
                if erased:
                    log.info("conversations erased, whose time was over", extra={"conversations": erased})
            except StoreError as error:
                looking.failed(error)
            except Exception:
                log.exception("what is over is not erased")
            gevent.sleep(LOOK_SECONDS)


class _Tally:
    """One row of the audit log for all that one look erases."""

    def __init__(self, actor: str) -> None:
        self._actor, self._count, self._row = actor, 0, ""

    def note(self, connection: Connection, ids: Sequence[str]) -> None:
        if not ids:
            return
        self._count += len(ids)
        details = {"conversations": self._count}
        if self._row:
            amend(connection, self._row, details)
        else:
            self._row = record(connection, self._actor, "retention.erased", None, details)
