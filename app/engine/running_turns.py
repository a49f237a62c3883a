"""The turns that run in this worker, and how many of them any one caller may have."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.engine.audience import Audience
from app.engine.conversation import RequestKey
from app.engine.errors import BusyError, ChatError, Problem
from app.engine.events import TurnStarted
from app.engine.messages import AnswerRecord
from app.engine.replay import Snapshot


class Running(Protocol):
    """What others than its caller do with a turn; see `Turn`."""

    audience: Audience

    @property
    def answer_id(self) -> str | None: ...
    @property
    def cancelled(self) -> bool: ...
    @property
    def said_bytes(self) -> int: ...
    def record_so_far(self) -> AnswerRecord: ...
    @property
    def first_event(self) -> TurnStarted: ...
    @property
    def snapshot(self) -> Snapshot: ...
    def cancel(self, error: ChatError) -> None: ...


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes places among what a worker has few of.

    - `name`: a user, a secret key, a widget key together with an address, or an address alone.
    - `key`: the id of the key that was shown; None where none was.
    - `anonymous`: has shown neither a key nor a session.
    """

    name: str
    key: str | None = None
    anonymous: bool = False


class RunningTurns:
    """Lets at most `capacity` turns run at once, one for each conversation. `len()` is the number of running turns.

    Of these a taker has at most `per_caller`, and all takers with the same key have at most `per_key`. A secret key,
    behind which a whole site may stand, is bounded by `per_key` alone. Anonymous takers together have at most half of
    the capacity, rounded up: the rest is kept for those with a key or an account.

    Turns with the same request key share one place, the first one's: of all of them one makes the answer, and the
    others join it.

    All is called in the event loop's thread, so that no count is lost; but `claim` in any thread.
    """

    def __init__(self, capacity: int, per_caller: int, per_key: int) -> None:
        self._capacity, self._per_caller, self._per_key = capacity, per_caller, per_key
        self._turns: dict[str, Running] = {}
        self._running = 0
        self._taken: Counter[tuple[str, str]] = Counter()  # by what `_shares` yields; what is 0 is left out
        self._shared: dict[RequestKey, tuple[Taker, int]] = {}  # who has the place, and how many turns share it
        self._closing: str | None = None

    def __len__(self) -> int:
        return self._running

    def check_room(self, taker: Taker) -> None:
        """Raises ChatError: LIMITED where the taker, or its key, has all that it may have; OVERLOADED where there is no
        room for anybody like it, or `refuse` was called."""
        if self._closing:
            raise ChatError(Problem.OVERLOADED, self._closing)
        for share, most, problem in self._shares(taker):
            if self._taken[share] >= most:
                raise ChatError(problem)
        if self._running >= self._capacity:
            raise ChatError(Problem.OVERLOADED)

    def enter(self, taker: Taker, request_key: RequestKey | None = None) -> None:
        """Count a turn as running until `leave`. Raises ChatError as `check_room` does."""
        if request_key in self._shared:
            first, turns = self._shared[request_key]
            self._shared[request_key] = first, turns + 1
            return
        self.check_room(taker)
        if request_key:
            self._shared[request_key] = taker, 1
        self._running += 1
        self._taken.update(share for share, _, _ in self._shares(taker))

    def claim(self, conversation_id: str, turn: Running) -> None:
        """The conversation is the turn's until it leaves. Raises BusyError where it is another's, ChatError(OVERLOADED)
        where `refuse` was called."""
        if self._closing:
            raise ChatError(Problem.OVERLOADED, self._closing)
        holder = self._turns.setdefault(conversation_id, turn)  # one step: two threads cannot both have it
        if holder is not turn:
            raise BusyError(ending=holder.cancelled)

    def leave(self, taker: Taker, conversation_id: str | None, request_key: RequestKey | None = None) -> None:
        """A turn that has entered has ended; so has its claim, if it had one."""
        if conversation_id is not None:
            del self._turns[conversation_id]
        if request_key:
            taker, turns = self._shared.pop(request_key)
            if turns > 1:
                self._shared[request_key] = taker, turns - 1
                return
        self._running -= 1
        for share, _, _ in self._shares(taker):
            self._taken[share] -= 1
            if not self._taken[share]:
                del self._taken[share]

    def refuse(self, reason: str) -> None:
        """Let no more turns run, with `reason` as the error's message; running turns continue."""
        self._closing = reason

    def turn(self, conversation_id: str, answer_id: str | None = None) -> Running | None:
        """The conversation's turn, if one runs that makes this answer (any one, where None is named)."""
        turn = self._turns.get(conversation_id)
        return turn if turn and turn.answer_id and answer_id in (None, turn.answer_id) else None

    def holder(self, conversation_id: str) -> Running | None:
        """Whose the conversation is, also before its answer has an id."""
        return self._turns.get(conversation_id)

    def all(self) -> Sequence[Running]:
        """Those that have a conversation."""
        return [*self._turns.values()]

    def cancel(self, conversation_id: str, error: ChatError) -> None:
        """Cancel the conversation's turn, if one runs."""
        turn = self._turns.get(conversation_id)
        if turn:
            turn.cancel(error)

    def cancel_all(self, error: ChatError) -> None:
        """Cancel every running turn."""
        for turn in list(self._turns.values()):
            turn.cancel(error)

    def _shares(self, taker: Taker) -> Iterator[tuple[tuple[str, str], int, Problem]]:
        """What a turn of this taker counts for: the most that there may be, and the problem where there are so many."""
        if taker.name != taker.key:
            yield ("caller", taker.name), self._per_caller, Problem.LIMITED
        if taker.key:
            yield ("key", taker.key), self._per_key, Problem.LIMITED
        if taker.anonymous:
            yield ("anonymous", ""), self._capacity - self._capacity // 2, Problem.OVERLOADED
