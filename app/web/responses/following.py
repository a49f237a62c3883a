"""An answer for those who did not ask for it: another look at one that runs, or at one that has ended."""

from collections.abc import Callable, Collection, Iterator
from functools import partial

import gevent
from flask import Response, after_this_request, request
from gevent.event import Event as Signal

from app.engine.audience import Listener
from app.engine.conversation import GOING_ON
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, TurnFailed, TurnFinished
from app.engine.messages import Message
from app.engine.question import Question
from app.engine.replay import Position, Snapshot, told_length
from app.engine.running_turns import Running
from app.store.answer_states import AnswerState
from app.store.rewinds import brought_parts
from app.web.requests.positions import StreamCursor, asked_cursor, wants_ids
from app.web.responses.following_elsewhere import ElsewhereFollower
from app.web.responses.numbered import numbered
from app.web.responses.sending import streamed
from app.web.services import services
from app.web.wire import Encoder

REPLAYED = "Idempotency-Replayed"

_LAST = TurnFinished | TurnFailed
_PAUSE_SECONDS, _LONGEST_PAUSE = 0.01, 0.5


def follow(
    answer: AnswerState, encoder: Encoder, cursor: StreamCursor | None, client_tools: Collection[str] = ()
) -> Response | None:
    """The rest of the answer from the cursor, and its end; without a cursor all of it, while a turn makes it. None for
    204, where it has ended and the caller has no cursor, or that of its end: an EventSource, to which no stream's end
    is the last, stops asking then. With results of `client_tools` it went on in another turn, which numbers its own
    parts.

    Raises ChatError: NOT_FOUND where the cursor is another answer's, LIMITED where too many listen.
    """
    if cursor and cursor.answer_id != answer.id:
        raise ChatError(Problem.NOT_FOUND)
    said_before = partial(brought_parts, client_tools=client_tools)
    told = _teller(answer, cursor, said_before, lambda: services().answers.numbered(answer.id), whole=True)
    if isinstance(told, Ended) and (cursor is None or (cursor.is_end and told.is_over)):
        return None
    return _response(told, encoder, cursor, answer.id)


def told_again(answer: AnswerState, encoder: Encoder, said_before: int, begin: int) -> Response:
    """The whole answer from where its turn began it, with its first event, to its end, which may have come long ago.
    `said_before`: how many parts it had before, and `begin` the position behind them, which the row of one that runs
    elsewhere may not show yet. Raises ChatError(LIMITED) where too many listen."""
    told = _teller(answer, None, lambda _message: said_before, lambda: services().answers.numbered(answer.id))
    if isinstance(told, ElsewhereFollower):
        told.begin_at(begin)
    return _response(told, encoder, None, answer.id)


def repeated_answer(
    question: Question, answer_id: str, cursor: StreamCursor | None = None
) -> "Follower | ElsewhereFollower | Ended":
    """The answer of a question that is asked again, from where that began it, or went on with it, or from the cursor;
    to where it ended then. Raises ChatError: LIMITED where too many listen, NOT_FOUND where the cursor is another
    answer's, LOST where the answer is gone meanwhile, CHANGED where something else stands in its place."""
    look = partial(_asked_with, question)
    answer = look()
    if answer is None or answer.id != answer_id:
        raise ChatError(Problem.LOST)
    if cursor and cursor.answer_id != answer_id:
        raise ChatError(Problem.NOT_FOUND)
    after_this_request(_replayed)
    return _teller(answer, cursor, partial(_said_before, question), look)


def _replayed(response: Response) -> Response:
    response.headers[REPLAYED] = "true"
    return response


def _asked_with(question: Question) -> AnswerState | None:
    assert question.request_key, "else it is not known again"
    return services().answers.asked_with(question.request_key.key)


def _said_before(question: Question, message: Message) -> int:
    """How many of its answer's parts there were before it was asked."""
    if question.rewind and question.rewind.kind in GOING_ON:
        return brought_parts(message, question.rewind.client_tools)
    return len(question.so_far.parts) if question.so_far else 0


def _teller(
    answer: AnswerState,
    cursor: StreamCursor | None,
    said_before: Callable[[Message], int],
    look: Callable[[], AnswerState | None],
    *,
    whole: bool = False,
) -> "Follower | ElsewhereFollower | Ended":
    """Who tells the answer, which runs, here or at another worker, or has ended. Where its row says that it runs here
    and no turn makes it, that has not begun yet, or ended after the row was read: another `look` a moment later makes
    it clear. Where it had ended, a turn goes on with it for others. Raises ChatError(LIMITED), and what `look` does.
    """
    pause = _PAUSE_SECONDS
    while True:
        turn = services().engine.running_turns.turn(answer.conversation_id, answer.id)
        if turn and answer.status == "running":
            return Follower(turn, cursor, whole=whole)
        if answer.runs_elsewhere(services().worker.id):
            return ElsewhereFollower(answer, cursor, said_before(answer.message), whole=whole)
        if answer.status != "running" or pause > _LONGEST_PAUSE:
            return Ended(answer, cursor, said_before(answer.message))
        gevent.sleep(pause)
        pause *= 2
        answer = look() or answer


def response_to_repeated(question: Question, answer_id: str, encoder: Encoder) -> Response:
    """The same as a stream."""
    cursor = asked_cursor()
    return _response(repeated_answer(question, answer_id, cursor), encoder, cursor, answer_id)


def _response(
    told: "Follower | ElsewhereFollower | Ended", encoder: Encoder, cursor: StreamCursor | None, answer_id: str
) -> Response:
    encoder.encode(told.before)  # what the caller has heard already, so that the encoder knows it
    if cursor or wants_ids():
        encoder = numbered(encoder, answer_id, Position(told.position, told.before))
    if isinstance(told, ElsewhereFollower):
        encoder = told.from_position(encoder)
    return streamed(told, encoder, answer_id)


def _parted(snapshot: Snapshot, position: int) -> tuple[int, list[Event], list[Event]]:
    """The position, or the end of what has been said where it is beyond that, and what stands before and behind it."""
    before, behind = snapshot.replay(position)
    return (position if behind else min(position, sum(map(told_length, before)))), before, behind


class Follower:
    """A caller who listens to a turn. Implements `Told`; `before` are the events that it has heard already."""

    begins_at_once = False

    def __init__(self, turn: Running, cursor: StreamCursor | None, *, whole: bool = False) -> None:
        """Without a cursor it hears what the turn has said, which may go on with an answer; or the `whole` answer.
        Raises ChatError(LIMITED)."""
        self._news = Signal()
        self._turn, self._listener = turn, Listener(self._news.set)
        self._heartbeat = services().engine.heartbeat
        self._has_left = False
        turn.audience.join(self._listener)
        snapshot = turn.snapshot  # of the same moment: nothing is heard twice or never
        begin = 0 if whole else snapshot.begin
        self.position, before, behind = _parted(snapshot, cursor.position if cursor else begin)
        self.before: list[Event] = [turn.first_event, *before] if cursor else before
        self._begin: list[Event] = behind if cursor else [turn.first_event, *behind]
        watch = request.environ.get("parlance.watch")
        self._watcher = watch(self._leave) if watch else None

    def run(self) -> Iterator[Batch]:
        if self._begin:
            yield self._begin
        while not self._has_left:
            batch = self._listener.take()
            if batch:
                yield batch
                if isinstance(batch[-1], _LAST):
                    return
            elif self._listener.is_slow:
                yield [TurnFailed(ChatError(Problem.LIMITED, "Too slow: read on from where you are"))]
                return
            else:
                self._news.clear()
                if not self._news.wait(self._heartbeat):
                    yield ()

    def shorten(self, send: Callable[[Batch], bool]) -> None:
        """It takes what it has heard when it can."""

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
        self._turn.audience.leave(self._listener)

    def _leave(self) -> None:
        self._has_left = True
        self._news.set()


class Ended:
    """An answer that no turn makes any more, as it is stored. Implements `Told`. `is_over`: behind the cursor is
    nothing but its end."""

    begins_at_once = True

    def __init__(self, answer: AnswerState, cursor: StreamCursor | None, said_before: int) -> None:
        snapshot = Snapshot(answer.message.parts, resumed=said_before)
        self.position, before, behind = _parted(snapshot, cursor.position if cursor else snapshot.begin)
        self.before: list[Event] = [answer.first_event, *before] if cursor else []
        begin = [] if cursor else [answer.first_event]
        self._batch = [*begin, *behind, answer.last_event]
        self.is_over = not any(map(told_length, behind)) and answer.status != "running"

    def run(self) -> Iterator[Batch]:
        yield self._batch

    def shorten(self, send: Callable[[Batch], bool]) -> None:
        """All is there."""

    def probe_by(self, probe: Callable[[], None]) -> None:
        """Nothing is waited for."""

    def outlives_caller(self) -> bool:
        return False

    def others_wait(self) -> bool:
        return False

    def close(self) -> None:
        """Holds nothing."""
