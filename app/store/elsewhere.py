"""Answers that other workers make, followed and ended by their rows: a look each second where nothing else comes."""

from typing import Any

from sqlalchemy import bindparam, update

from app.engine.audience import MOST_LISTENERS
from app.engine.errors import ChatError, Problem
from app.engine.ports import Hints
from app.engine.retelling import Piece
from app.store.answer_states import AnswerState, AnswerStates
from app.store.database import Database
from app.store.followed_row import FollowedRow
from app.store.tables import messages, running

LOOK_SECONDS = 1.0

_ANSWER = update(messages).where(messages.c.id == bindparam("answer"), running)
_STOP = _ANSWER.values(stop=True).returning(messages.c.worker)
_HEARD = _ANSWER.values(heard=messages.c.heard + 1).returning(messages.c.worker)


class AnswersElsewhere:
    """Who makes the answers sees what is written here: others_wishes.py; with `hints`, at once."""

    def __init__(
        self,
        database: Database,
        answers: AnswerStates,
        look_seconds: float = LOOK_SECONDS,
        hints: Hints | None = None,
    ) -> None:
        self._database, self._answers, self.hints = database, answers, hints
        self.look_seconds = look_seconds
        self._followed: dict[str, list[FollowedRow]] = {}  # by the answer's id

    def follow(self, answer: AnswerState, resumed: int) -> FollowedRow:
        """The whole answer: its first event, what it has said by now, what it goes on with, as it becomes known here,
        and its last event. `answer` is as its row was a moment ago. `resumed`: how many of its parts had been said
        before its turn. While somebody follows an answer it has a listener, as if that were where it is made.

        Raises ChatError(LIMITED) where MOST_LISTENERS of this worker's listen.
        """
        followed = self._followed.setdefault(answer.id, [])
        if len(followed) >= MOST_LISTENERS:
            raise ChatError(Problem.LIMITED, "This answer has as many listeners as it may have")
        follower = FollowedRow(self, answer, resumed)
        followed.append(follower)
        try:
            follower.wait_for_owner()
        except BaseException:  # the end of this greenlet, which waited
            follower.close()
            raise
        return follower

    def stop(self, answer_id: str) -> None:
        """Ask the worker that makes the answer to end it, which it does soon. Again is harmless, as it is where the
        answer has ended. Raises what `Database.write` raises."""
        self._say(_STOP, answer_id)

    def look(self, answer_id: str) -> AnswerState | None:
        """How it stands. Raises what `Database.read` raises."""
        return self._answers.numbered(answer_id)

    def say_heard(self, answer_id: str) -> None:
        """Somebody listens. Raises what `Database.write` raises."""
        self._say(_HEARD, answer_id)

    def look_now(self, answer_id: str) -> None:
        """There is news in the answer's row."""
        for each in self._followed.get(answer_id, ()):
            each.look_now()

    def hear(self, piece: Piece) -> None:
        """Who makes an answer sends it."""
        for each in self._followed.get(piece.answer_id, ()):
            each.hear(piece)

    def leave(self, answer_id: str, follower: FollowedRow) -> None:
        """One listener less. May be called more than once."""
        followed = self._followed.get(answer_id, [])
        if follower in followed:
            followed.remove(follower)
            if not followed:
                del self._followed[answer_id]
                if self.hints and follower.owner:
                    self.hints.leave(follower.owner, answer_id)

    def _say(self, statement: Any, answer_id: str) -> None:
        owner = self._database.write(lambda connection: connection.execute(statement, {"answer": answer_id}).scalar())
        if owner and self.hints:
            self.hints.tell(owner, answer_id)
