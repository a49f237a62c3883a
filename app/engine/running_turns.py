"""The turns that run in this worker."""

from typing import Protocol

from app.engine.errors import ChatError, Problem


class Cancellable(Protocol):
    def cancel(self, error: ChatError) -> None: ...


class RunningTurns:
    """Admits at most `capacity` turns at once, one for each conversation. `len()` is the number of running turns."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._turns: dict[str, Cancellable] = {}
        self._closing: str | None = None

    def __len__(self) -> int:
        return len(self._turns)

    def check_room(self) -> None:
        """Raises ChatError(OVERLOADED) where `capacity` turns run, or `refuse` was called."""
        if self._closing:
            raise ChatError(Problem.OVERLOADED, self._closing)
        if len(self._turns) >= self._capacity:
            raise ChatError(Problem.OVERLOADED)

    def admit(self, conversation_id: str, turn: Cancellable) -> None:
        """Count the turn as running until `leave`. Raises ChatError: OVERLOADED as `check_room` does, BUSY where the
        conversation has a running turn."""
        self.check_room()
        if conversation_id in self._turns:
            raise ChatError(Problem.BUSY)
        self._turns[conversation_id] = turn

    def leave(self, conversation_id: str) -> None:
        """The conversation's turn has ended; harmless where it has none."""
        self._turns.pop(conversation_id, None)

    def refuse(self, reason: str) -> None:
        """Admit no more turns, with `reason` as the error's message; running turns continue."""
        self._closing = reason

    def cancel(self, conversation_id: str, error: ChatError) -> None:
        """Cancel the conversation's turn, if one runs."""
        turn = self._turns.get(conversation_id)
        if turn:
            turn.cancel(error)

    def cancel_all(self, error: ChatError) -> None:
        """Cancel every running turn."""
        for turn in list(self._turns.values()):
            turn.cancel(error)
