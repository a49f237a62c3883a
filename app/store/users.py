"""Users: people who sign in with a password, and their sessions. Passwords are stored hashed by argon2id."""

import hashlib
import secrets
import uuid
from base64 import b64encode
from dataclasses import asdict, dataclass, replace
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import ARGON2_VERSION
from gevent.threadpool import ThreadPool
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem, StoreError
from app.store.audit import Action, command_line, record
from app.store.database import Database
from app.store.tables import now, sessions, users
from app.store.trips import unanswered

SESSION_MILLISECONDS = 14 * 24 * 3600 * 1000  # without use
LONGEST_SESSION_MILLISECONDS = 90 * 24 * 3600 * 1000  # from signing in, however much it is used
SHORT_SESSION_MILLISECONDS = 24 * 3600 * 1000  # of who is not to be remembered; use does not renew it
RENEWAL_MILLISECONDS = 3600 * 1000  # use renews a session at most that often: not every request writes
RENEWAL_SECONDS = 1  # until it begins, or is left to the next request
_ARGON = PasswordHasher()  # RFC 9106's second choice: 64 MiB of memory a hash, three passes, about 0.1 s of CPU
HASHING_THREADS = 2  # native ones; so a worker hashes two passwords at a time, and the others wait


def _dummy_hash() -> str:
    """A well-formed hash that no password has and that takes as long to verify; made without hashing, which is slow."""
    salt, digest = (
        b64encode(secrets.token_bytes(length)).rstrip(b"=").decode() for length in (_ARGON.salt_len, _ARGON.hash_len)
    )
    costs = f"m={_ARGON.memory_cost},t={_ARGON.time_cost},p={_ARGON.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


_DUMMY_HASH = _dummy_hash()  # verified where there is no such user


@dataclass(frozen=True, slots=True)
class User:
    """`email` is in lower case; times in epoch milliseconds, `disabled_at` None for an active user; `image` is the
    address of a picture, as the user gave it."""

    id: str
    email: str
    name: str
    created_at: int
    disabled_at: int | None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user. The store knows only the hash of `token`. Times are in epoch milliseconds. One that is not
    `remembered` ends with the browser, and after a day. `renewed` says that it has just been put off, so that a cookie
    has to be set anew."""

    token: str
    user: User
    begun_at: int
    expires_at: int
    remembered: bool = True
    renewed: bool = False

    @property
    def id(self) -> str:
        """What it may be called by: 32 hexadecimal digits, which do not lead to the token."""
        return _digest(_digest(self.token))[:32]

    @property
    def cookie_seconds(self) -> int | None:
        """For how long a browser keeps it, if it is not used; None: until the browser ends."""
        return (self.expires_at - now()) // 1000 if self.remembered else None


class UserStore:
    """Users and their sessions. Email addresses are compared without regard to case and surrounding blanks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hashers = ThreadPool(HASHING_THREADS)

    def create(
        self, email: str, password: str, name: str = "", image: str | None = None, actor: str | None = None
    ) -> User:
        """Store a user and return it. `actor` is who is recorded to have done so, None: the user. Raises
        ChatError(TAKEN) where the address has an account."""
        user = User(uuid.uuid4().hex, email.strip().lower(), name, now(), None, image)
        query = insert(users).values({**asdict(user), "password": self._hash(password)})

        def work(connection: Connection) -> None:
            connection.execute(query)
            record(connection, actor or f"user:{user.id}", "user.created", user.id)

        try:
            self._database.write(work)
        except IntegrityError as error:
            raise ChatError(Problem.TAKEN) from error
        return user

    def all(self) -> list[User]:
        """All users, the oldest account first."""
        query = select(users).order_by(users.c.created_at, users.c.id)
        return [_user(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def disable(self, email: str) -> bool:
        """End all of a user's sessions and allow no new ones. Returns False where no active user has this address."""
        return self._change(email, "user.disabled", users.c.disabled_at.is_(None), disabled_at=now())

    def enable(self, email: str) -> bool:
        """Allow a disabled user to sign in again. Returns False where no disabled user has this address."""
        return self._change(email, "user.enabled", users.c.disabled_at.is_not(None), disabled_at=None)

    def set_password(self, email: str, password: str) -> bool:
        """Replace a user's password and end all of the user's sessions, which somebody who knew the old one may have
        started. Returns False where no user has this address."""
        return self._change(email, "user.password", password=self._hash(password))

    def sign_in(self, email: str, password: str, remembered: bool = True) -> Session:
        """Start a session. A hash that was made at other costs than today's is replaced.

        Raises ChatError(UNAUTHORIZED) for a wrong password, a disabled and an unknown user, each after the same time.
        """
        query = select(users).where(users.c.email == email.strip().lower())
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        matches = self._hashers.apply(_matches, (row.password if row else _DUMMY_HASH, password))
        if not matches or row is None or row.disabled_at is not None:
            raise ChatError(Problem.UNAUTHORIZED)
        renewed = self._hash(password) if _ARGON.check_needs_rehash(row.password) else None
        try:
            return self.start_session(_user(row), row.password, renewed, remembered)
        except ChatError as error:
            if renewed is None or error.problem is not Problem.UNAUTHORIZED:
                raise
            return self.sign_in(email, password, remembered)  # another one may have renewed the hash meanwhile

    def session(self, token: str) -> Session | None:
        """The session with this token, renewed where it is remembered and the last renewal is an hour old; None where
        there is none, it has expired, has lasted for LONGEST_SESSION_MILLISECONDS, or its user is disabled."""
        digest = _digest(token)
        columns = users, sessions.c.expires_at, sessions.c.remembered, sessions.c.created_at.label("begun_at")
        query = select(*columns).join(sessions).where(sessions.c.hash == digest)
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None or row.disabled_at is not None:
            return None
        time, last = now(), row.begun_at + LONGEST_SESSION_MILLISECONDS
        expires_at = min(row.expires_at, last)
        if expires_at <= time:
            return None
        session = Session(token, _user(row), row.begun_at, expires_at, row.remembered)
        renewed_until = min(time + SESSION_MILLISECONDS, last)
        if not row.remembered or expires_at >= renewed_until - RENEWAL_MILLISECONDS:
            return session
        renewal = unanswered(update(sessions).where(sessions.c.hash == digest).values(expires_at=renewed_until))
        try:
            self._database.write(lambda connection: connection.execute(renewal), RENEWAL_SECONDS)
        except StoreError:  # the next request tries again; this one is no worse for it
            return session
        return replace(session, expires_at=renewed_until, renewed=True)

    def sign_out(self, *tokens: str) -> None:
        """End the sessions with these tokens, as far as there are any."""
        query = unanswered(delete(sessions).where(sessions.c.hash.in_([_digest(token) for token in tokens])))
        self._database.write(lambda connection: connection.execute(query))

    def start_session(
        self,
        user: User,
        password_hash: str | None = None,
        renewed_hash: str | None = None,
        remembered: bool = True,
    ) -> Session:
        """Store a new session and return it, for a user who was just created or whose password matched this hash, which
        `renewed_hash` replaces.

        Raises ChatError(UNAUTHORIZED) where the user was disabled or the hash is not the user's any more: verifying it
        takes a while, and what ends all sessions meanwhile must not miss this one.
        """
        same_password = users.c.password == (password_hash or users.c.password)
        unchanged = users.c.id == user.id, users.c.disabled_at.is_(None), same_password
        token, time = secrets.token_urlsafe(32), now()
        expires_at = time + (SESSION_MILLISECONDS if remembered else SHORT_SESSION_MILLISECONDS)
        times = {"created_at": time, "expires_at": expires_at}
        row = {"hash": _digest(token), "user_id": user.id, "remembered": remembered, **times}

        def work(connection: Connection) -> None:
            # Locked: a password that is changed now has to wait, and ends this session too.
            same = select(users.c.id).where(*unchanged).with_for_update(key_share=True)
            if not connection.execute(same).first():
                raise ChatError(Problem.UNAUTHORIZED)
            if renewed_hash:
                connection.execute(unanswered(update(users).where(*unchanged).values(password=renewed_hash)))
            # Two who sign in at once do not wait for each other's.
            expired = select(sessions.c.hash).where(sessions.c.expires_at <= time).with_for_update(skip_locked=True)
            connection.execute(unanswered(delete(sessions).where(sessions.c.hash.in_(expired))))
            connection.execute(unanswered(insert(sessions).values(row)))

        self._database.write(work)
        return Session(token, user, time, expires_at, remembered)

    def _change(self, email: str, action: Action, *conditions: ColumnElement[bool], **values: Any) -> bool:
        """Change the user's row and delete the sessions, on the command line. False if no row meets the conditions."""

        def work(connection: Connection) -> bool:
            query = select(users.c.id).where(users.c.email == email.strip().lower(), *conditions)
            user_id = connection.execute(query).scalar_one_or_none()
            if user_id is None:
                return False
            connection.execute(unanswered(update(users).where(users.c.id == user_id).values(values)))
            connection.execute(unanswered(delete(sessions).where(sessions.c.user_id == user_id)))
            record(connection, command_line(), action, user_id)
            return True

        return self._database.write(work)

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
    return User(row.id, row.email, row.name, row.created_at, row.disabled_at, row.image)
