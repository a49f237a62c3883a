"""Who holds the credential of a request."""

from dataclasses import dataclass

from app.engine.agent import Agent
from app.engine.conversation import Payer
from app.store.keys import Key
from app.store.users import Session, User


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever calls: the holder of a key, a user who has signed in, or anybody.

    `owner` is to whom conversations belong. Anonymous callers have no `key`, and only those who have signed in have a
    `session`. `end_user` is for whom the holder of the key vouches, on wires where that can be.
    """

    agent: Agent
    owner: str
    key: Key | None
    session: Session | None = None
    end_user: str | None = None

    @property
    def payer(self) -> Payer | None:
        """Who pays for this caller's answers; None for callers without a key."""
        return Payer(self.key.id, self.key.credits is not None) if self.key else None

    @property
    def user(self) -> User:
        assert self.session, "only where the wire's callers sign in"
        return self.session.user

    @property
    def user_id(self) -> str:
        return self.user.id
