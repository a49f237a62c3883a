"""Which workers of other hosts live: each has a row with a counter, which it raises for as long as it does.

No clock but the observer's own decides. Dead is whose counter has stood still for LEASE_SECONDS of its monotonic time,
during all of which the observer could raise its own: where the database stands still, or takes no writing, nobody can,
and nobody is dead for it. Burying begins with deleting the row as it was seen; who finds its own row gone was buried.
"""

from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from app.store.database import Database
from app.store.tables import messages, running, workers
from app.store.workers import Worker, bury

BEAT_SECONDS = 5.0
LOOK_SECONDS = 1.0  # at the others' counters: a killed worker's callers are told within 15 seconds, all in all
LEASE_SECONDS = 11.0  # a worker may stand still for six seconds at any moment, and lives
BLIND_SECONDS = 3.0  # without a look: what was seen before counts no more

Counters = Mapping[str, int | None]
"""By the ids of workers; None for one whose answers run and that has no row, as between its start and its first."""

_BEAT = update(workers).where(workers.c.id == bindparam("me")).values(beats=workers.c.beats + 1)
_JOIN = insert(workers).values(id=bindparam("me"), beats=0)
_ALL = select(workers.c.id, workers.c.beats)
_MAKING = select(messages.c.worker).where(running).distinct()
_BEATS = select(workers.c.beats).where(workers.c.id == bindparam("other"))
_DELETE_AS_SEEN = delete(workers).where(workers.c.id == bindparam("other"), workers.c.beats == bindparam("seen"))


class BuriedError(Exception):
    """This worker was taken for dead: what it had under way was ended by another."""


class Witness:
    """Whose counters have stood still, as one worker has seen them. Times are of its monotonic clock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int | None, float]] = {}  # each counter, and when a look that saw it had ended
        self._looked = 0.0

    def saw(self, counters: Counters, began: float, ended: float) -> list[str]:
        """Who is dead, by what a look from `began` to `ended` showed and those before it."""
        if ended - self._looked > BLIND_SECONDS:
            self.forget()
        self._looked = ended
        before = self._seen
        self._seen = {
            other: before[other] if other in before and before[other][0] == beats else (beats, ended)
            for other, beats in counters.items()
        }
        return [other for other, (_, since) in self._seen.items() if began - since >= LEASE_SECONDS]

    def forget(self) -> None:
        """It could not look: everybody has LEASE_SECONDS from the next look on."""
        self._seen = {}


class Beats:
    """A worker's own counter, and its look at those of others.

    A worker that knows of no other host does not beat: it only looks whether there is one by now.
    """

    def __init__(self, database: Database, worker: Worker, clock: Callable[[], float] = monotonic) -> None:
        self._database, self._worker, self._clock = database, worker, clock
        self._witness = Witness()
        self._joined: str | None = None  # the id whose row has been made
        self._others: Counters = {}

    def beat(self, save: Callable[[Connection], object] | None = None) -> list[str]:
        """Raise the counter, in one transaction with `save`, and bury who is dead; returns whom.

        Raises BuriedError where this worker was, and what `Database` raises; then nothing was saved.
        """
        began = self._clock()
        try:
            if save is None and not self._others and self._joined == self._worker.id:
                self._others = self._database.read(self._look)
            if save or self._others or self._joined != self._worker.id:
                self._others = self._database.write(lambda connection: self._beat(connection, save))
        except BaseException:
            self._witness.forget()
            raise
        self._joined = self._worker.id
        return self._buried(began)

    def look(self) -> list[str]:
        """Between two beats: bury who is dead; returns whom. Raises as `beat` does. Where this worker knows of no other
        host nothing is asked."""
        if not self._others:
            return []
        began = self._clock()
        try:
            self._others = self._database.read(self._look)
        except BaseException:
            self._witness.forget()
            raise
        return self._buried(began)

    def _buried(self, began: float) -> list[str]:
        """Whom this worker has buried, after a look that began then."""
        others = self._others
        dead = self._witness.saw(others, began, self._clock())
        return [each for each in dead if self._database.write(partial(bury_as_seen, dead=each, seen=others[each]))]

    def _beat(self, connection: Connection, save: Callable[[Connection], object] | None) -> Counters:
        me = {"me": self._worker.id}
        if not connection.execute(_BEAT, me).rowcount:
            if self._joined == self._worker.id:
                raise BuriedError  # before anything is saved
            connection.execute(_JOIN, me)
        if save:
            save(connection)
        return self._look(connection)

    def _look(self, connection: Connection) -> Counters:
        """The counters of other hosts' workers; those of this one are known by their files."""
        found: dict[str, int | None] = dict.fromkeys(connection.execute(_MAKING).scalars().all())
        found |= {row.id: row.beats for row in connection.execute(_ALL)}
        if self._joined == self._worker.id and self._joined not in found:
            raise BuriedError
        here = {self._worker.id, *(each.name for each in self._worker.folder.glob("*"))}
        return {other: beats for other, beats in found.items() if other not in here}


def bury_as_seen(connection: Connection, dead: str, seen: int | None) -> bool:
    """Bury a worker unless it has beaten since its counter was `seen`, or somebody else has buried it: False then."""
    if seen is None:
        if connection.execute(_BEATS, {"other": dead}).first():
            return False
    elif not connection.execute(_DELETE_AS_SEEN, {"other": dead, "seen": seen}).rowcount:
        return False
    bury(connection, dead)
    return True
