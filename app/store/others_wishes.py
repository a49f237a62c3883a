"""What callers at other workers want of the answers that this one makes: that they end, or that they go on.

They write it into the answers' rows (elsewhere.py), which are looked at here while another worker lives: one that
somebody hints at, at once, and all of them in turn, each second MOST_AT_ONCE at most. A row that has gone was deleted
with its conversation, and one that is another's now was given up for dead.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event as Signal
from sqlalchemy import bindparam, select

from app.engine.audience import DistantListener
from app.engine.errors import ChatError, Problem, StoreError
from app.engine.ports import Hints
from app.engine.running_turns import Running, RunningTurns
from app.store.checkpoints import save_now
from app.store.database import Database
from app.store.faults import Lasting
from app.store.tables import messages
from app.store.workers import Worker

log = logging.getLogger(__name__)

WISH_SECONDS = 1.0
MOST_AT_ONCE = 1000  # rows: so many answers are looked at each second, and more of them less often
LEAST_SECONDS = 0.05  # between two looks, however many hints come
LISTENING_SECONDS = 12.0  # by this worker's clock, since a listener elsewhere has last said that it is there

_WISHES = select(messages.c.id, messages.c.worker, messages.c.stop, messages.c.heard).where(
    messages.c.id.in_(bindparam("answers", expanding=True))
)


class OthersWishes:
    """Of a worker's running answers. With `hints`, who listens elsewhere is told when they have ended."""

    def __init__(
        self, database: Database, worker: Worker, running_turns: RunningTurns, hints: Hints | None = None
    ) -> None:
        self._database, self._worker, self._running_turns, self._hints = database, worker, running_turns, hints
        self._hinted_at: set[str] = set()  # answers' ids
        self._hinted = Signal()
        self._not_seen: Sequence[str] = ()  # since all have been looked at: the ids of those whose turn comes next
        self._listening: dict[str, set[str]] = {}  # the workers that have told of an answer, by its id
        self._listened: dict[str, _Listened] = {}  # by the answer's id

    def start(self) -> None:
        gevent.spawn(self._run)

    def hear(self, worker: str, answer_id: str) -> None:
        """Another worker hints that something is wanted of the answer."""
        if any(turn.answer_id == answer_id for turn in self._running_turns.all()):
            self._listening.setdefault(answer_id, set()).add(worker)
            self._hinted_at.add(answer_id)
            self._hinted.set()

    def heed(self, time: float, hinted_at: Collection[str] = ()) -> None:
        """Look at the rows of these answers; without any, of all, or of those whose turn it is. `time` is of the
        monotonic clock, in seconds. Nothing is asked where nothing runs or no other worker lives. Raises what
        `Database.read` raises."""
        turns = {turn.answer_id: turn for turn in self._running_turns.all() if turn.answer_id}
        answers = [each for each in hinted_at if each in turns] if hinted_at else self._next(turns)
        if answers and self._has_others():
            rows: Iterable[Any] = self._database.read(
                lambda connection: connection.execute(_WISHES, {"answers": answers}).all()
            )
            found = {row.id: row for row in rows}
            for answer_id in answers:
                self._heed(answer_id, turns[answer_id], found.get(answer_id), time)
            self._save()
        self._listened = {each: listened for each, listened in self._listened.items() if each in turns}
        self._listening = {each: workers for each, workers in self._listening.items() if each in turns}

    def _next(self, turns: Collection[str]) -> Sequence[str]:
        """Whose turn it is."""
        left = [each for each in self._not_seen if each in turns] or [*turns]
        self._not_seen = left[MOST_AT_ONCE:]
        return left[:MOST_AT_ONCE]

    def _heed(self, answer_id: str, turn: Running, row: Any, time: float) -> None:
        if row is None:
            _cancel(turn, ChatError(Problem.NOT_FOUND, "The conversation was deleted"))
        elif row.worker != self._worker.id:
            _cancel(turn, ChatError(Problem.LOST))
        elif row.stop:
            _cancel(turn, ChatError(Problem.STOPPED))
        elif row.heard:
            if answer_id not in self._listened:
                self._listened[answer_id] = _Listened(turn, partial(self._tell_ended, answer_id))
            self._listened[answer_id].heard(row.heard, time)

    def _save(self) -> None:
        """What somebody listens to elsewhere, so that it is heard there before the next checkpoint."""
        gone_on = {answer_id: each for answer_id, each in self._listened.items() if each.has_gone_on()}
        sizes = {answer_id: each.turn.said_bytes for answer_id, each in gone_on.items()}
        save_now(self._database, self._worker, [each.turn for each in gone_on.values()])
        for answer_id, size in sizes.items():
            gone_on[answer_id].saved = size
            self._tell(answer_id)

    def _tell_ended(self, answer_id: str) -> None:
        self._tell(answer_id)
        self._listening.pop(answer_id, None)

    def _tell(self, answer_id: str) -> None:
        """Those who listen elsewhere that there is news."""
        for worker in self._listening.get(answer_id, ()):
            if self._hints:
                self._hints.tell(worker, answer_id)

    def _has_others(self) -> bool:
        """On one home folder each has its file; without one file for the database there may be other folders."""
        own = self._worker
        try:
            return self._database.file is None or any(each.name != own.id for each in own.folder.iterdir())
        except OSError:
            return True

    def _run(self) -> None:
        looking, due = Lasting(log, "what other workers' callers want is not known"), monotonic()
        while True:
            self._hinted.wait(max(due - monotonic(), 0))
            self._hinted.clear()
            hinted_at, self._hinted_at = self._hinted_at, set()
            try:
                if hinted_at:
                    self.heed(monotonic(), hinted_at)
                if monotonic() >= due:
                    due = monotonic() + WISH_SECONDS
                    self.heed(monotonic())
                looking.succeeded()
            except StoreError as error:
                looking.failed(error)
            except Exception:
                log.exception("what other workers' callers want is not known")
            gevent.sleep(LEAST_SECONDS)


class _Listened:
    """A turn to which somebody listens at another worker, and so has one listener here until that is over."""

    def __init__(self, turn: Running, ended: Callable[[], None]) -> None:
        self.turn, self._listener = turn, DistantListener(ended)
        self.saved = 0  # how many bytes the answer had said when it was saved for them
        self._count, self._at = 0, 0.0

    def has_gone_on(self) -> bool:
        return self._listener in self.turn.audience.listeners and self.turn.said_bytes != self.saved

    def heard(self, count: int, time: float) -> None:
        """So often listeners have said that they are there by this time."""
        if count != self._count:
            self._count, self._at = count, time
            if self._listener not in self.turn.audience.listeners:
                try:
                    self.turn.audience.join(self._listener)
                except ChatError:  # others listen, as many as may
                    return
        elif time - self._at > LISTENING_SECONDS:
            self.turn.audience.leave(self._listener)


def _cancel(turn: Running, error: ChatError) -> None:
    if not turn.cancelled:
        turn.cancel(error)
