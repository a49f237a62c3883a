"""Questions that were given up while PostgreSQL had not said whether they are stored, and that are stored later.

What was sent to it may be on its way still, in a connection that nobody reads any more: a network that was cut delivers
it when it is mended, after whatever went by another connection meanwhile. Nobody makes the answer of such a question,
so its row would keep its conversation busy, and its credits held, for as long as this worker lives.
"""

import logging
from collections.abc import Callable
from time import monotonic

import gevent

from app.engine.errors import StoreError
from app.store.conversations import ConversationStore

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
LATE_SECONDS = 30.0  # PostgreSQL ends a transaction of which it hears nothing for ten (postgres.py)


class LateQuestions:
    """Looks for each every LOOK_SECONDS, for LATE_SECONDS in which the database could be written, and ends it."""

    def __init__(self, store: ConversationStore, clock: Callable[[], float] = monotonic) -> None:
        self._store, self._clock = store, clock
        self._until: dict[str, float] = {}  # by the answers' ids

    def expect(self, answer_id: str) -> None:
        """The answer that the question would have had."""
        begins = not self._until
        self._until[answer_id] = self._clock() + LATE_SECONDS
        if begins:
            gevent.spawn(self._run)

    def forget(self, answer_id: str) -> None:
        """It is asked for once more, and made."""
        self._until.pop(answer_id, None)

    def end(self) -> None:
        """End those that have come. Raises what `Database.write` raises; then they are looked for again."""
        now = self._clock()
        try:
            self._store.give_up_answer(*self._until)
        except StoreError:
            self._until = dict.fromkeys(self._until, now + LATE_SECONDS)
            raise
        self._until = {answer_id: until for answer_id, until in self._until.items() if until > now}

    def _run(self) -> None:
        while self._until:
            gevent.sleep(LOOK_SECONDS)
            try:
                self.end()
            except StoreError:  # which is told elsewhere
                continue
            except Exception:
                log.exception("late questions are not ended")
