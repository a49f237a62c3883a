"""Ends of runs that could not be stored: kept in memory, with their steps, and tried again until they are stored."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace

import gevent

from app.engine.errors import Problem, StoreError
from app.store.database import Database
from app.store.lanes import CALL_SECONDS
from app.store.runs import RECORD_SECONDS, RunEnd, RunStatus, RunStore, StepRecord, shortened
from app.store.tables import now
from app.store.unstored import MOST_BYTES, RETRY_SECONDS, may_pass

log = logging.getLogger(__name__)


class RetryingRunStore(RunStore):
    """A `RunStore` that loses no end of a run while its worker lives.

    An end that cannot be stored is kept and tried again every RETRY_SECONDS. The steps of all that are kept take at
    most MOST_BYTES as JSON; those that exceed it, and what no database would take, are given up with a line in the log:
    of such a run the end is stored, and the steps that were stored before.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._waiting: dict[str, tuple[RunEnd, int]] = {}  # by the run's id, with the size of their steps
        self._retrying = False

    def __len__(self) -> int:
        """How many ends wait."""
        return len(self._waiting)

    def end(self, run_id: str, status: RunStatus, error: str | None, steps: Sequence[StepRecord]) -> None:
        """Store how the run ended, now, and its last steps, or keep them. Waits for nothing while the database fails:
        the run's answer has waited already."""
        ended = RunEnd(run_id, status, error, steps, now())
        try:
            fault = self._database.writing.reason
            if fault:
                raise StoreError(Problem.STORE_UNAVAILABLE, fault)
            self.store_end(ended, RECORD_SECONDS)
        except StoreError as failure:
            self._keep(ended, failure)
        except BaseException as failure:  # also where the greenlet is ended that waits for the store
            self._keep(ended, failure)
            raise

    def store_waiting(self) -> None:
        """Store what waits, until one of them still cannot be stored."""
        for ended, _ in list(self._waiting.values()):
            try:
                self.store_end(ended, CALL_SECONDS)
            except Exception as failure:
                if may_pass(failure):
                    return
                if ended.steps:
                    self._give_up_steps(ended, failure)
                    continue
                log.exception("run not ended", extra={"answer_id": ended.run_id})
            else:
                log.info("run ended late", extra={"answer_id": ended.run_id})
            self._waiting.pop(ended.run_id, None)

    def _keep(self, ended: RunEnd, failure: BaseException) -> None:
        log.warning("the end of a run waits for the database", extra={"answer_id": ended.run_id})
        if may_pass(failure):
            ended = replace(ended, steps=[shortened(step) for step in ended.steps])
            size = sum(len(json.dumps([step.result, step.error])) for step in ended.steps)
            self._waiting[ended.run_id] = ended, size
            if sum(each for _, each in self._waiting.values()) > MOST_BYTES:
                self._give_up_steps(ended, failure)
        else:
            self._give_up_steps(ended, failure)
        if not self._retrying:
            self._retrying = True
            gevent.spawn(self._retry)

    def _give_up_steps(self, ended: RunEnd, failure: BaseException) -> None:
        log.error("steps of a run given up", exc_info=failure, extra={"answer_id": ended.run_id})
        self._waiting[ended.run_id] = replace(ended, steps=()), 0

    def _retry(self) -> None:  # as in unstored.py: a class for these lines would need more of them
        try:
            while self._waiting:
                gevent.sleep(RETRY_SECONDS)
                self.store_waiting()
        finally:
            self._retrying = False
