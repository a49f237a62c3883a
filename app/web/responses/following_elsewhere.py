"""An answer that another worker makes, for a caller of this one."""

from collections.abc import Callable, Iterator

from flask import request

from app.engine.events import Batch, Event, TurnFailed, TurnFinished, TurnStarted
from app.engine.replay import Snapshot, parted, told_length
from app.store.answer_states import AnswerState
from app.web.requests.positions import StreamCursor
from app.web.services import services
from app.web.wire import Encoder

_LAST = TurnFinished | TurnFailed


class ElsewhereFollower:
    """A caller who listens to an answer that another worker makes. Implements `Told`: all of the answer, of which
    `from_position` leaves out what the caller has heard."""

    before: list[Event] = []  # noqa: RUF012 - see `Follower`; nobody adds to it
    position = 0

    begins_at_once = False

    def __init__(self, answer: AnswerState, cursor: StreamCursor | None, said_before: int, *, whole: bool) -> None:
        """As `Follower`. `said_before`: how many parts the answer had before its turn. Raises ChatError(LIMITED)."""
        begin = 0 if whole else Snapshot(answer.message.parts, resumed=said_before).begin
        self._position, self._has_cursor = (cursor.position if cursor else begin), cursor is not None
        self._leaves_out = False
        self._events = services().elsewhere.follow(answer, said_before)
        watch = request.environ.get("parlance.watch")
        self._watcher = watch(self._events.close) if watch else None

    def begin_at(self, position: int) -> None:
        """Where its turn began, for who is told of that alone: what stands before is left out."""
        self._position, self._leaves_out = position, True

    def from_position(self, encoder: Encoder) -> Encoder:
        return HeardEncoder(encoder, self._position, has_begun=self._has_cursor, leaves_out=self._leaves_out)

    def run(self) -> Iterator[Batch]:
        yield from self._events

    def shorten(self, send: Callable[[Batch], bool]) -> None:
        """What another worker tells comes as it comes."""

    def probe_by(self, probe: Callable[[], None]) -> None:
        if self._watcher:
            self._watcher.probe = probe

    def outlives_caller(self) -> bool:
        return False

    def others_wait(self) -> bool:
        return False

    def close(self) -> None:
        if self._watcher:
            self._watcher.stop()
        self._events.close()


class HeardEncoder:
    """Implements `Encoder` over another one, for a caller who has heard the answer up to a position, which may lie
    beyond what is known of it here. The other one is told of all, and its frames of what was heard go nowhere. Where
    the caller `has_begun`, so it has heard the first event. With `leaves_out` the other one is told of none of it."""

    def __init__(self, encoder: Encoder, position: int, *, has_begun: bool, leaves_out: bool = False) -> None:
        self.content_type = encoder.content_type
        self._encode = encoder.encode
        self._left = position
        self._has_begun, self._leaves_out = has_begun, leaves_out

    def encode(self, batch: Batch) -> bytes:
        if not batch or (self._left <= 0 and not isinstance(batch[0], TurnStarted)):
            return self._encode(batch)
        first = [event for event in batch if isinstance(event, TurnStarted)]
        last = [event for event in batch if isinstance(event, _LAST)]
        before, behind = parted([event for event in batch if not isinstance(event, TurnStarted | _LAST)], self._left)
        self._left -= sum(map(told_length, before))
        heard = [*first, *before] if self._has_begun else before
        news = [*behind, *last] if self._has_begun else [*first, *behind, *last]
        if heard and not self._leaves_out:
            self._encode(heard)
        return self._encode(news) if news else b""
