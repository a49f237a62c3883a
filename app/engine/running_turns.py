"""The turns that run now, in this process."""

from typing import Protocol

from app.engine.errors import ChatError, Problem


class Cancellable(Protocol):
    def cancel(self, error: ChatError) -> None: ...


class RunningTurns:
    """Admits turns: at most `capacity` at once, and one for each conversation."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._turns: dict[str, Cancellable] = {}
        self._closing: str | None = None

    def __len__(self) -> int:
        return len(self._turns)

    def check_room(self) -> None:
        """Raises ChatError(OVERLOADED) where no turn would be admitted."""
        if self._closing:
            raise ChatError(Problem.OVERLOADED, self._closing)
        if len(self._turns) >= self._capacity:
            raise ChatError(Problem.OVERLOADED)

    def admit(self, conversation_id: str, turn: Cancellable) -> None:
        """Raises ChatError: BUSY where the conversation has a turn, OVERLOADED where there is no room."""
        self.check_room()
        if conversation_id in self._turns:
            raise ChatError(Problem.BUSY)
        self._turns[conversation_id] = turn

    def leave(self, conversation_id: str) -> None:
        self._turns.pop(conversation_id, None)

    def refuse(self, reason: str) -> None:
        """Admit no more turns; those that run go on."""
        self._closing = reason

    def cancel(self, conversation_id: str, error: ChatError) -> None:
        """The turn of that conversation, if it has one."""
        turn = self._turns.get(conversation_id)
        if turn:
            turn.cancel(error)

    def cancel_all(self, error: ChatError) -> None:
        for turn in list(self._turns.values()):
            turn.cancel(error)
