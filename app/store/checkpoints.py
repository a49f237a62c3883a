"""What long answers have said by now, saved while they are made: should their worker die, so much of them stays.

With it a worker that other hosts know raises its counter (beats.py), and learns whether it was taken for dead.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gevent
from sqlalchemy import Connection, bindparam, update

from app.engine.errors import ChatError, Problem, StoreError
from app.engine.running_turns import Running, RunningTurns
from app.store import parts
from app.store.beats import BEAT_SECONDS, LOOK_SECONDS, Beats, BuriedError
from app.store.database import Database
from app.store.faults import Lasting
from app.store.tables import messages, running
from app.store.trips import unanswered
from app.store.workers import Worker

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = BEAT_SECONDS

_SAVE = unanswered(
    update(messages)
    .where(messages.c.id == bindparam("answer"), messages.c.worker == bindparam("me"), running)
    .values(parts=bindparam("said"), model=bindparam("by"), due=bindparam("cost"))
)


def save_now(database: Database, worker: Worker, turns: Sequence[Running]) -> None:
    """What these running answers have said by now, in one transaction. Raises what `Database.write` raises."""
    rows = [_row(worker, turn) for turn in turns]
    if rows:
        database.write(lambda connection: connection.execute(_SAVE, rows))


def _row(worker: Worker, turn: Running) -> dict[str, Any]:
    record = turn.record_so_far()
    said = parts.parts_to_json(record.message)
    return {"answer": turn.answer_id, "me": worker.id, "said": said, "by": record.model, "cost": record.credits}


class Checkpoints:
    """Of a worker's running answers: every CHECKPOINT_SECONDS, in one transaction for all that have gone on since."""

    def __init__(self, database: Database, worker: Worker, running_turns: RunningTurns) -> None:
        self._database, self._worker, self._running_turns = database, worker, running_turns
        self._beats = Beats(database, worker) if worker.has_row else None
        self._saved: dict[str, int] = {}  # how many bytes each answer had said at the last checkpoint

    def start(self) -> None:
        gevent.spawn(self._run)

    def save(self) -> None:
        """Raises what `Database.write` raises; what was not saved is saved the next time."""
        said: dict[str, int] = {}
        rows: list[dict[str, Any]] = []
        for turn in self._running_turns.all():
            answer_id, size = turn.answer_id, turn.said_bytes
            if answer_id is None or not size:
                continue
            said[answer_id] = size
            if size != self._saved.get(answer_id):
                rows.append(_row(self._worker, turn))
                gevent.sleep(0)  # the next token of others first
        save = partial(_save, rows=rows) if rows else None
        if self._beats:
            self._bury(partial(self._beats.beat, save))
        elif save:
            self._database.write(save)
        self._saved = said

    def look(self) -> None:
        """At the workers of other hosts. Raises what `Database.read` raises."""
        if self._beats:
            self._bury(self._beats.look)

    def _bury(self, dead_workers: Callable[[], Sequence[str]]) -> None:
        try:
            for dead in dead_workers():
                log.warning("worker %s of another host is dead: its answers are interrupted", dead)
        except BuriedError:
            log.warning("this worker was taken for dead by another host: its answers are lost")
            self._worker.renew()  # first: what is asked from here on is the new one's
            self._running_turns.cancel_all(ChatError(Problem.LOST))

    def _run(self) -> None:
        looks = round(CHECKPOINT_SECONDS / LOOK_SECONDS) if self._beats else 1
        saving = Lasting(log, "running answers are not saved")
        while True:
            for work in (self.save, *[self.look] * (looks - 1)):
                try:
                    work()
                    if work == self.save:
                        saving.succeeded()
                except StoreError as error:
                    saving.failed(error)
                except Exception:
                    log.exception("running answers are not saved")
                gevent.sleep(CHECKPOINT_SECONDS / looks)


def _save(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(_SAVE, rows)
