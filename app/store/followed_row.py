"""An answer that another worker makes, as a stream: by its row, and by what that worker sends of it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Protocol

from gevent.event import Event as Signal

from app.engine.errors import ChatError, Problem, StoreError
from app.engine.events import Batch, Event, TurnFailed
from app.engine.ports import Hints
from app.engine.replay import Snapshot
from app.engine.retelling import Piece, Retelling
from app.store.answer_states import AnswerState

HEARD_SECONDS = 5.0  # between two words in the row that somebody is there
FOLLOW_SECONDS = 5.0  # the same to who sends
MISSED_SECONDS = 1.0  # the same where nothing comes, or something is missing before it
LIVE_SECONDS = 2.5  # without a piece, which comes each second: the row is looked at
UNREADABLE_LOOKS = 15  # take as long as a listener waits for a database that cannot be read
JOIN_SECONDS = 0.25
MOST_PIECES = 400  # that wait for what is missing before them; some twenty seconds


class Rows(Protocol):
    """What of `AnswersElsewhere` a stream uses."""

    look_seconds: float
    hints: Hints | None

    def look(self, answer_id: str) -> AnswerState | None: ...
    def say_heard(self, answer_id: str) -> None: ...
    def leave(self, answer_id: str, follower: "FollowedRow") -> None: ...


class FollowedRow:
    """A `Stream` of an answer's events. While pieces come, each in its place, its row is not looked at; else it is,
    every `look_seconds`, and what is missing is told from there. An empty batch comes after each wait that brings
    nothing new."""

    def __init__(self, rows: Rows, answer: AnswerState, resumed: int, clock: Callable[[], float] = monotonic) -> None:
        """`answer` is as its row was a moment ago. Who makes it is asked at once to send what follows."""
        self._rows, self._answer_id, self._resumed, self._clock = rows, answer.id, resumed, clock
        self._is_closed, self._wanted = False, Signal()
        self.owner = answer.worker  # the worker that makes it, if one does
        self._retelling = Retelling()
        self._pieces: list[Piece] = []  # that have not been told
        self._error: ChatError | None = None  # with which its caller was told that it had ended
        self._asked_at, self._heard_at, self._live_at = -inf, -inf, -inf
        self._looked_at = self._deaf_at = self._seen_at = clock()
        self._row_changed = False
        self._begin = [answer.first_event, *self._news(answer)]
        self._ask()

    def __iter__(self) -> Iterator[Batch]:
        """Where the database cannot be read any more, nobody knows in the end what became of the answer."""
        yield self._begin
        self._say_heard()
        self._wait()
        has_ended = False
        while not self._is_closed and not has_ended:
            news = self._told_pieces()
            if self._is_look_due():
                self._row_changed, self._looked_at = False, self._clock()
                looked, has_ended = self._look()
                news += looked if has_ended else [*looked, *self._told_pieces()]
            if not has_ended:
                self._ask()
                self._say_heard()
            yield news
            if not has_ended:
                self._wait()

    def wait_for_owner(self) -> None:
        """Until who makes the answer has heard that somebody listens, and so goes on with it whoever leaves; for
        JOIN_SECONDS at most."""
        if self._rows.hints:
            self._wanted.wait(JOIN_SECONDS)

    def look_now(self) -> None:
        """There is news in the row."""
        self._row_changed = True
        self._wanted.set()

    def hear(self, piece: Piece) -> None:
        """Who makes the answer sends it."""
        if len(self._pieces) >= MOST_PIECES:
            self._pieces = []
        self._pieces.append(piece)
        self._wanted.set()

    def close(self) -> None:
        self._is_closed = True
        self._wanted.set()
        self._rows.leave(self._answer_id, self)

    def _wait(self) -> None:
        self._wanted.wait(self._rows.look_seconds)
        self._wanted.clear()

    @property
    def _is_live(self) -> bool:
        return self._clock() - self._live_at < LIVE_SECONDS

    def _is_look_due(self) -> bool:
        return not self._is_live and (
            self._row_changed or self._clock() - self._looked_at >= self._rows.look_seconds * 0.9
        )

    def _told_pieces(self) -> list[Event]:
        """What follows on what was told. A piece that does not follow yet waits for what is missing before it."""
        news: list[Event] = []
        self._pieces.sort(key=lambda piece: (piece.position, piece.bounds))
        while self._pieces:
            piece = self._pieces[0]
            told = self._retelling.heard(piece)
            if piece.has_ended:
                self._row_changed, self._error, self._live_at = True, piece.error, -inf
            elif told is None:
                self._live_at = -inf
                break
            else:
                self._live_at = self._deaf_at = self._seen_at = self._clock()
            news += told or ()
            del self._pieces[0]
        return news

    def _ask(self) -> None:
        """Have who makes the answer send what follows."""
        now, hints = self._clock(), self._rows.hints
        if hints and self.owner and now - self._asked_at >= (FOLLOW_SECONDS if self._is_live else MISSED_SECONDS):
            self._asked_at = now
            hints.follow(self.owner, self._answer_id, None if self._is_live else self._retelling.position)

    def _say_heard(self) -> None:
        """Say in the row that somebody listens, where nothing is sent: it is saved each second then."""
        now = self._clock()
        is_deaf = not self._is_live and (self._rows.hints is None or now - self._deaf_at >= MISSED_SECONDS)
        if is_deaf and now - self._heard_at >= HEARD_SECONDS:
            self._heard_at = now
            with suppress(StoreError):  # what can only be read is looked at all the same
                self._rows.say_heard(self._answer_id)

    def _look(self) -> tuple[list[Event], bool]:
        """What the row shows, and whether nothing follows."""
        try:
            answer = self._rows.look(self._answer_id)
        except StoreError:
            is_lost = self._clock() - self._seen_at > UNREADABLE_LOOKS * self._rows.look_seconds
            return [TurnFailed(ChatError(Problem.LOST))] if is_lost else [], is_lost
        self._seen_at = self._clock()
        if answer is None:  # with its conversation
            return [TurnFailed(ChatError(Problem.NOT_FOUND))], True
        self.owner = answer.worker
        news, has_ended = self._news(answer), answer.status != "running"
        return [*news, self._last_of(answer)] if has_ended else news, has_ended

    def _news(self, answer: AnswerState) -> list[Event]:
        parts, runs = answer.message.parts, answer.status == "running"
        # The last part may go on: a row does not say, and its end is told with what follows.
        is_open = runs and len(parts) > self._resumed
        return [*self._retelling.news(Snapshot(parts, is_open, self._resumed, in_round=runs))]

    def _last_of(self, answer: AnswerState) -> Event:
        end = answer.last_event
        return TurnFailed(self._error) if self._error and isinstance(end, TurnFailed) else end
