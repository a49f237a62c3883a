"""What long answers have said by now, saved while they are made: should their worker die, so much of them stays."""

import logging
from typing import Any

import gevent
from sqlalchemy import bindparam, update

from app.engine.errors import StoreError
from app.engine.running_turns import RunningTurns
from app.store import parts
from app.store.database import Database
from app.store.tables import messages, running
from app.store.workers import Worker

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 5.0

_SAVE = (
    update(messages)
    .where(messages.c.id == bindparam("answer"), messages.c.worker == bindparam("me"), running)
    .values(parts=bindparam("said"), model=bindparam("by"), due=bindparam("cost"))
)


class Checkpoints:
    """Of a worker's running answers: every CHECKPOINT_SECONDS, in one transaction for all that have gone on since."""

    def __init__(self, database: Database, worker: Worker, running_turns: RunningTurns) -> None:
        self._database, self._worker, self._running_turns = database, worker, running_turns
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
                record = turn.record_so_far()
                row = {"answer": answer_id, "me": self._worker.id, "said": parts.parts_to_json(record.message)}
                rows.append({**row, "by": record.model, "cost": record.credits})
                gevent.sleep(0)  # the next token of others first
        if rows:
            self._database.write(lambda connection: connection.execute(_SAVE, rows))
        self._saved = said

    def _run(self) -> None:
        while True:
            gevent.sleep(CHECKPOINT_SECONDS)
            try:
                self.save()
            except StoreError as error:
                log.warning("running answers are not saved: %s", error.reason)
            except Exception:
                log.exception("running answers are not saved")
