"""The answers of this worker to which somebody listens at others: what they say goes there as they say it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from time import monotonic

from app.cluster.channel import Channel
from app.cluster.sealed_messages import Message
from app.engine.audience import Listener
from app.engine.errors import ChatError
from app.engine.retelling import Piece, Pieces
from app.engine.running_turns import Running, RunningTurns

LISTENING_SECONDS = 12.0  # by this worker's clock, since another one has last said that somebody listens there
WORD_SECONDS = 1.0  # an answer that says nothing is told to be still there: who hears nothing looks at its row


class Telling:
    """Implements `Source`. Where nobody listens elsewhere it does nothing, whatever runs."""

    def __init__(self, running_turns: RunningTurns, channel: Channel, clock: Callable[[], float] = monotonic) -> None:
        self._running_turns, self._channel, self._clock = running_turns, channel, clock
        self._told: dict[str, _Told] = {}  # by the answer's id

    def start(self, row_changed: Callable[[str, str], None], heard: Callable[[Piece], None]) -> None:
        """Both must not wait. `row_changed` is called with who tells and the answer's id, of which there is news in its
        row; `heard` with what an answer says that is made elsewhere."""

        def hear(message: Message) -> None:
            for answer_id, position in message.follows.items():
                self.follow(message.sender, answer_id, position)
            for answer_id in message.left:
                self.leave(message.sender, answer_id)
            for answer_id in message.rows:  # an answer that is to end is followed to its end
                row_changed(message.sender, answer_id)
            for piece in message.pieces:
                heard(piece)

        self._channel.start(hear, self)

    def end(self) -> None:
        """The worker is about to end: the ends of its answers are told."""
        self._channel.tell_now()

    def follow(self, worker: str, answer_id: str, position: int | None) -> None:
        """Somebody listens at this worker, or still does, and has heard the answer up to the position, if one is named;
        what follows it is told."""
        told = self._told.get(answer_id)
        if told is None:
            turn = next((turn for turn in self._running_turns.all() if turn.answer_id == answer_id), None)
            if turn is None:
                self._channel.tell(worker, answer_id)  # it has ended
                return
            try:
                told = self._told[answer_id] = _Told(answer_id, turn, self._channel.wake)
            except ChatError:  # others listen, as many as may: the row is looked at
                return
        told.workers[worker] = self._clock()
        if position is not None:
            told.missed[worker] = min(position, told.missed.get(worker, position))
            self._channel.wake()

    def leave(self, worker: str, answer_id: str) -> None:
        """Nobody listens there any more."""
        told = self._told.get(answer_id)
        if told:
            told.workers.pop(worker, None)
            self._close(answer_id, told)

    def pause(self) -> float | None:
        return WORD_SECONDS if self._told else None

    def pieces(self) -> Mapping[str, Sequence[Piece]]:
        found: dict[str, list[Piece]] = {}
        now = self._clock()
        for answer_id, told in [*self._told.items()]:
            for worker, piece in told.pieces(now):
                found.setdefault(worker, []).append(piece)
            self._close(answer_id, told)
        return found

    def _close(self, answer_id: str, told: "_Told") -> None:
        if told.is_over:
            told.close()
            del self._told[answer_id]


class _Told:
    """A turn to which somebody listens elsewhere. Raises ChatError(LIMITED) where too many listen to it."""

    def __init__(self, answer_id: str, turn: Running, news: Callable[[], None]) -> None:
        self.workers: dict[str, float] = {}  # when each has last said that somebody listens there
        self.missed: dict[str, int] = {}  # from where on each is told once more
        self._turn, self._listener = turn, Listener(news)
        turn.audience.join(self._listener)
        self._answer_id = answer_id
        self._pieces = Pieces(answer_id, turn.snapshot)  # of the same moment: nothing is told twice or never
        self._said_at = -inf
        self._has_ended = False

    @property
    def is_over(self) -> bool:
        return self._has_ended or self._listener.is_slow or not self.workers

    def pieces(self, now: float) -> Iterator[tuple[str, Piece]]:
        """What it has said since the last time, for each worker; nothing where that is nothing, and not for long. Who
        has missed something is told of all that follows what it has."""
        self.workers = {each: at for each, at in self.workers.items() if now - at <= LISTENING_SECONDS}
        missed, self.missed = self.missed, {}
        events = self._listener.take()
        if not events and not missed and now - self._said_at < WORD_SECONDS * 0.9:
            return
        self._said_at = now
        piece = self._pieces.piece(events)
        self._has_ended = piece.has_ended
        for worker in self.workers:
            if worker in missed:
                at = missed[worker]
                yield worker, replace(piece, position=at, bounds=0, events=self._turn.snapshot.replay(at)[1])
            else:
                yield worker, piece

    def close(self) -> None:
        self._turn.audience.leave(self._listener)
