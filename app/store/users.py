"""People who sign in: their passwords, and the sessions that stand for them afterwards."""

import hashlib
import secrets
import uuid
from base64 import b64encode
from dataclasses import asdict, dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import ARGON2_VERSION
from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.tables import now, sessions, users

SESSION_MILLISECONDS = 14 * 24 * 3600 * 1000
RENEWED_AFTER = 3600 * 1000  # a session slides on when it is used, but not with every request
_ARGON = PasswordHasher()  # RFC 9106, low memory: 64 MiB and three passes
HASHERS = 2  # native threads: hashing takes a tenth of a second of CPU, on purpose


def _no_hash() -> str:
    """Looks like the hash of a password, takes as long to compare with, and is of none: hashing one takes a while."""
    salt, digest = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (_ARGON.salt_len, _ARGON.hash_len)
    )
    costs = f"m={_ARGON.memory_cost},t={_ARGON.time_cost},p={_ARGON.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


_NOBODYS = _no_hash()  # to compare with where there is no such user


@dataclass(frozen=True, slots=True)
class User:
    """`created_at` and `disabled_at` are in epoch milliseconds."""

    id: str
    email: str
    name: str
    created_at: int
    disabled_at: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """The token is known to its holder only. `expires_at` is in epoch milliseconds; where it `slid`, it was put off
    just now."""

    token: str
    user: User
    expires_at: int
    slid: bool = False

    @property
    def seconds(self) -> int:
        """How long it lasts from now on, if it is not used."""
        return (self.expires_at - now()) // 1000


class UserStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._hashers = ThreadPool(HASHERS)

    def create(self, email: str, password: str, name: str = "") -> User:
        """Raises ChatError(TAKEN) where the address has an account."""
        user = User(uuid.uuid4().hex, email.strip().lower(), name, now(), None)
        query = insert(users).values({**asdict(user), "password": self._hash(password)})
        try:
            self._database.write(lambda connection: connection.execute(query))
        except IntegrityError as error:
            raise ChatError(Problem.TAKEN) from error
        return user

    def all(self) -> list[User]:
        """Everyone, the oldest account first."""
        query = select(users).order_by(users.c.created_at, users.c.id)
        return [_user(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def disable(self, email: str) -> bool:
        """End all of a user's sessions and allow no more. False where there is no such active user."""

        def work(connection: Connection) -> bool:
            query = select(users.c.id).where(users.c.email == email.strip().lower(), users.c.disabled_at.is_(None))
            user_id = connection.execute(query).scalar_one_or_none()
            if user_id is None:
                return False
            connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=now()))
            connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return True

        return self._database.write(work)

    def enable(self, email: str) -> bool:
        """Allow a disabled user to sign in again. False where there is no such disabled user."""
        disabled = users.c.email == email.strip().lower(), users.c.disabled_at.is_not(None)
        query = update(users).where(*disabled).values(disabled_at=None)
        return bool(self._database.write(lambda connection: connection.execute(query).rowcount))

    def set_password(self, email: str, password: str) -> bool:
        """And end all of the user's sessions: whoever knew the old one may have opened them. False where there is no
        such user."""
        hashed = self._hash(password)

        def work(connection: Connection) -> bool:
            user_id = connection.execute(select(users.c.id).where(users.c.email == email.strip().lower())).scalar()
            if user_id is None:
                return False
            connection.execute(update(users).where(users.c.id == user_id).values(password=hashed))
            connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return True

        return self._database.write(work)

    def sign_in(self, email: str, password: str) -> Session:
        """A new session. Raises ChatError(UNAUTHORIZED), after the same time whether or not there is such a user."""
        query = select(users).where(users.c.email == email.strip().lower())
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        right = self._hashers.apply(_matches, (row.password if row else _NOBODYS, password))
        if not right or row is None or row.disabled_at is not None:
            raise ChatError(Problem.UNAUTHORIZED)
        return self.open(_user(row), row.password)

    def session(self, token: str) -> Session | None:
        """The session behind a token, slid on; None where there is none, or none any more."""
        digest = _digest(token)
        query = select(users, sessions.c.expires_at).join(sessions).where(sessions.c.hash == digest)
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        time = now()
        if row is None or row.expires_at <= time or row.disabled_at is not None:
            return None
        if row.expires_at >= time + SESSION_MILLISECONDS - RENEWED_AFTER:
            return Session(token, _user(row), row.expires_at)
        expires_at = time + SESSION_MILLISECONDS
        longer = update(sessions).where(sessions.c.hash == digest).values(expires_at=expires_at)
        self._database.write(lambda connection: connection.execute(longer))
        return Session(token, _user(row), expires_at, slid=True)

    def sign_out(self, token: str) -> None:
        query = delete(sessions).where(sessions.c.hash == _digest(token))
        self._database.write(lambda connection: connection.execute(query))

    def open(self, user: User, password: str | None = None) -> Session:
        """A new session of someone who has just been made, or has proved to be that user by the password of this hash.

        Raises ChatError(UNAUTHORIZED) where it is not the user's any more, or the user was disabled: comparing takes a
        while, and what ends all sessions meanwhile must not miss this one.
        """
        still = users.c.id == user.id, users.c.disabled_at.is_(None), users.c.password == (password or users.c.password)
        token, time = secrets.token_urlsafe(32), now()
        expires_at = time + SESSION_MILLISECONDS
        row = {"hash": _digest(token), "user_id": user.id, "created_at": time, "expires_at": expires_at}

        def work(connection: Connection) -> None:
            if not connection.execute(select(users.c.id).where(*still)).first():
                raise ChatError(Problem.UNAUTHORIZED)
            connection.execute(delete(sessions).where(sessions.c.expires_at <= time))
            connection.execute(insert(sessions).values(row))

        self._database.write(work)
        return Session(token, user, expires_at)

    def _hash(self, password: str) -> str:
        hashed: str = self._hashers.apply(_ARGON.hash, (password,))
        return hashed


def _matches(hashed: str, password: str) -> bool:
    try:
        return _ARGON.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _user(row: Any) -> User:
    return User(row.id, row.email, row.name, row.created_at, row.disabled_at)
