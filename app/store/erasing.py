"""Conversations deleted for good, with all that hangs on them, beside traffic: in small transactions with pauses, so
that no question waits for long.

A conversation may take several transactions, its oldest messages first; its own row goes in the last one. Where this is
broken off, the same again goes on.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar

import gevent
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select, update

from app.store.audit import record
from app.store.database import Database
from app.store.tables import conversations, messages, running, runs
from app.store.trips import unanswered
from app.store.workers import Worker

T = TypeVar("T")

Note = Callable[[Connection, Sequence[str]], None]
"""Records what went, in the transaction that deletes the rows of the conversations with these ids."""

_LOCKED = 50  # conversations, in one transaction
_MOST_ROWS, _FEWEST_ROWS = 300, 50  # messages, in one transaction
_RUN_ROWS = 10  # that a run may count for, with its steps
_SECONDS = 0.05  # that a transaction is to take, once it has begun; messages may be long
_PAUSE_SECONDS = 0.01  # at least: it is as long as the transaction was
_ENDING_SECONDS = 5.0  # for the workers to end answers that run
_LOOK_SECONDS = 0.1


def of_end_user(name: str) -> ColumnElement[bool]:
    """Conversations of the person whom callers named so, or for whom a site vouched under this id."""
    return conversations.c.end_user == name


def of_id(conversation_id: str) -> ColumnElement[bool]:
    return conversations.c.id == conversation_id


def of_session(agent: str, external_id: str) -> ColumnElement[bool]:
    """Conversations with the agent that callers gave this id; several callers may have chosen the same."""
    return and_(conversations.c.agent == agent, conversations.c.external_id == external_id)


def of_owner(owner: str) -> ColumnElement[bool]:
    return conversations.c.owner == owner


def each_noted(actor: str) -> Note:
    """Records every conversation by its id."""

    def note(connection: Connection, ids: Sequence[str]) -> None:
        for each in ids:
            record(connection, actor, "conversation.erased", each)

    return note


class Eraser:
    """With a `worker`, which is this process, answers that run are ended first, wherever they are made."""

    def __init__(self, database: Database, worker: Worker | None = None) -> None:
        self._database, self._worker = database, worker

    def erase(self, matching: ColumnElement[bool], note: Note, *, by_age: bool = False) -> int:
        """Delete all conversations that match; returns how many there were. One that does not match any more when its
        turn comes stays. `by_age` looks through them once, the longest silent first, where no index leads to those that
        match. Raises what `Database` raises.

        SQLite overwrites what is deleted in its file (secure_delete). PostgreSQL keeps it in its files until it is
        vacuumed, and in its log for as long as that is kept.
        """
        erased, most, since = 0, _MOST_ROWS, 0
        try:
            while found := self._database.read(partial(_some, matching=matching, since=since if by_age else None)):
                ids, since = [each.id for each in found], found[-1].updated_at
                self._end_answers(ids)
                all_gone = False
                while not all_gone:
                    work = partial(_timed, work=partial(_delete, ids=ids, matching=matching, most=most, note=note))
                    (gone, all_gone), took = self._database.write(work)
                    erased += gone
                    most = max(_FEWEST_ROWS, min(_MOST_ROWS, int(most * _SECONDS / took)))
                    gevent.sleep(max(took, _PAUSE_SECONDS))
        finally:
            if self._worker:
                self._worker.renew()  # leaves no file behind
        return erased

    def _end_answers(self, ids: Sequence[str]) -> None:
        """As far as they end within _ENDING_SECONDS. One that runs on will not be stored, as its row is gone."""
        there = and_(messages.c.conversation_id.in_(ids), running)
        one = select(messages.c.id).where(there).limit(1)

        def is_running() -> bool:
            return self._database.read(lambda connection: connection.execute(one).first()) is not None

        if not self._worker or not is_running():
            return
        with suppress(OSError):
            self._worker.claim()  # who is alone does not look at what others want (others_wishes.py)
        stop = unanswered(update(messages).where(there).values(stop=True))
        self._database.write(lambda connection: connection.execute(stop))
        deadline = monotonic() + _ENDING_SECONDS
        while is_running() and monotonic() < deadline:
            gevent.sleep(_LOOK_SECONDS)


def _some(connection: Connection, matching: ColumnElement[bool], since: int | None) -> Sequence[Row[str, int]]:
    """Conversations that match, with `since` those whose last activity is no earlier, the earliest first."""
    query = select(conversations.c.id, conversations.c.updated_at).where(matching).limit(_LOCKED)
    if since is not None:
        query = query.where(conversations.c.updated_at >= since).order_by(conversations.c.updated_at)
    return connection.execute(query).all()


def _timed(connection: Connection, work: Callable[[Connection], T]) -> tuple[T, float]:
    """Also in how many seconds it was done, without what it waited for others before."""
    began = monotonic()
    return work(connection), monotonic() - began


def _delete(
    connection: Connection, ids: Sequence[str], matching: ColumnElement[bool], most: int, note: Note
) -> tuple[int, bool]:
    """At most so many rows. Returns how many conversations are gone, and whether all of those that still match are."""
    # Locked: who would add to one of them waits, and finds it gone.
    query = select(conversations.c.id).where(conversations.c.id.in_(ids), matching)
    there = connection.execute(query.order_by(conversations.c.id).with_for_update()).scalars().all()
    most_runs = max(1, most // _RUN_ROWS)
    made = select(runs.c.id).where(runs.c.conversation_id.in_(there)).limit(most_runs)
    if connection.execute(delete(runs).where(runs.c.id.in_(made))).rowcount == most_runs:
        return 0, False
    said = select(messages.c.id).where(messages.c.conversation_id.in_(there))
    said = said.order_by(messages.c.conversation_id, messages.c.sequence).limit(most)
    if connection.execute(delete(messages).where(messages.c.id.in_(said))).rowcount == most:
        return 0, False
    connection.execute(unanswered(delete(conversations).where(conversations.c.id.in_(there))))
    note(connection, there)
    return len(there), True
