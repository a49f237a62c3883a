"""API keys. The text of a key is shown once, when it is made; the store keeps its SHA-256 and finds the key by that."""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, or_, select, update

from app.store.audit import command_line, record
from app.store.compiled import Compiled
from app.store.database import Database
from app.store.row_locks import lock_row
from app.store.tables import keys, now
from app.store.trips import unanswered

KeyKind = Literal["widget", "secret"]
LONGEST_NAME = 128  # characters; PostgreSQL takes no longer ones
MOST_CREDITS = 10**15  # of a budget: what is spent and held beside it stays within 64 bits
CACHE_SECONDS = 1  # monotonic clock
PREFIXES: dict[KeyKind, str] = {"widget": "wk_", "secret": "sk_"}


@dataclass(frozen=True, slots=True)
class Key:
    """A credential for one agent.

    `hash` is the SHA-256 of its text, in hexadecimal. Empty `origins` allow every origin. `credits` is the budget, None
    where there is no limit; `spent` is what its answers have cost so far. Times in epoch milliseconds; it works until
    `expires_at`, None: for good.
    """

    id: str
    kind: KeyKind
    agent: str
    name: str
    hash: str
    origins: tuple[str, ...]
    require_origin: bool
    created_at: int
    revoked_at: int | None
    credits: int | None
    spent: int
    expires_at: int | None

    @property
    def is_active(self) -> bool:
        """Whether it works now: it was not revoked, and has not expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


_FIND = Compiled(select(keys).where(keys.c.hash == bindparam("digest")))


class KeyStore:
    """Keys of all agents. What changes them is done on the command line, and recorded so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # hash -> (monotonic time of expiry, key). Only keys that exist are cached, so that guesses cannot fill it.
        self._cache: dict[str, tuple[float, Key]] = {}
        self._allowed: tuple[float, list[list[str]]] = (0, [])  # monotonic time of expiry, origins of each widget key

    def create(  # noqa: PLR0917 - what a key is made of
        self,
        kind: KeyKind,
        agent: str,
        name: str = "",
        origins: Sequence[str] = (),
        require_origin: bool = False,
        budget: int | None = None,
        expires_at: int | None = None,
    ) -> str:
        """Store a new key and return its text, which cannot be read again. `budget` is in credits, None: no limit;
        `expires_at` in epoch milliseconds, None: never. Raises ValueError for a key that could not work."""
        _refuse_impossible(kind, origins, require_origin)
        text, key_id = _new_text(kind), uuid.uuid4().hex
        row = {
            "kind": kind,
            "agent": agent,
            "name": name,
            "origins": list(origins),
            "require_origin": require_origin,
            "credits": budget,
            "expires_at": expires_at,
        }
        hidden = {"id": key_id, "hash": _hash(text.encode()), "created_at": now()}

        def work(connection: Connection) -> None:
            connection.execute(insert(keys).values({**row, **hidden}))
            record(connection, command_line(), "key.created", key_id, row)

        self._database.write(work)
        return text

    def find(self, presented: bytes) -> Key | None:
        """The key with this text, or None where there is none, or it was revoked or has expired: after the same time.

        A key that was found is cached for CACHE_SECONDS: for so long it still works after it was revoked or rotated, or
        has expired, and as it was before it was changed.
        """
        digest = _hash(presented)
        expires, cached = self._cache.get(digest, (0, None))
        if cached and monotonic() < expires:
            return cached
        row = self._database.read(lambda connection: _FIND.one_or_none(connection, {"digest": digest}))
        matches = hmac.compare_digest(row.hash if row else "0" * 64, digest)
        key = _key(row) if row and matches else None
        if key is None or not key.is_active:
            self._cache.pop(digest, None)
            return None
        self._cache[digest] = monotonic() + CACHE_SECONDS, key
        return key

    def all(self) -> list[Key]:
        """Every key ever made, oldest first."""
        query = select(keys).order_by(keys.c.created_at, keys.c.id)
        return [_key(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def update(self, key_id: str, changes: Mapping[str, Any]) -> bool:
        """Change what these columns say: `name`, `origins`, `require_origin`, `credits`, `expires_at`. Returns False
        where there is no key with this id, or it was revoked. Raises ValueError where the key could not work then."""
        there = and_(keys.c.id == key_id, keys.c.revoked_at.is_(None))

        def work(connection: Connection) -> bool:
            lock_row(connection, keys.c.id, key_id)
            row = connection.execute(select(keys).where(there)).one_or_none()
            if row is None:
                return False
            changed = {"origins": row.origins, "require_origin": row.require_origin, **changes}
            _refuse_impossible(
                row.kind, changed["origins"], changed["require_origin"], names_origins="origins" in changes
            )
            connection.execute(unanswered(update(keys).where(there).values(changes)))
            record(connection, command_line(), "key.updated", key_id, changes)
            return True

        return self._database.write(work)

    def revoke(self, key_id: str) -> bool:
        """Stop a key from working. Returns False where no key has this id, or it was revoked before."""
        query = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now())

        def work(connection: Connection) -> bool:
            revoked = bool(connection.execute(query).rowcount)
            if revoked:
                record(connection, command_line(), "key.revoked", key_id)
            return revoked

        return self._database.write(work)

    def rotate(self, key_id: str) -> str | None:
        """Replace a key's text by a new one and return that; id, origins and credits stay. None where no active key has
        this id."""
        active = and_(keys.c.id == key_id, _is_active())

        def work(connection: Connection) -> str | None:
            kind = connection.execute(select(keys.c.kind).where(active)).scalar_one_or_none()
            if kind is None:
                return None
            text = _new_text(kind)
            connection.execute(update(keys).where(active).values(hash=_hash(text.encode())))
            record(connection, command_line(), "key.rotated", key_id)
            return text

        return self._database.write(work)

    def some_key_allows(self, origin: str) -> bool:
        """Whether an active widget key allows this origin: lists it, or lists none at all."""
        return any(not origins or origin in origins for origins in self._all_allowed())

    def some_key_lists(self, origin: str) -> bool:
        """Whether an active widget key lists this very origin."""
        return any(origin in origins for origins in self._all_allowed())

    def _all_allowed(self) -> Sequence[Sequence[str]]:
        """The lists of all active widget keys, read once in CACHE_SECONDS, however many preflights come."""
        expires, allowed = self._allowed
        if monotonic() >= expires:
            query = select(keys.c.origins).where(keys.c.kind == "widget", _is_active())
            allowed = list(self._database.read(lambda connection: connection.execute(query).scalars().all()))
            self._allowed = monotonic() + CACHE_SECONDS, allowed
        return allowed


def _is_active() -> ColumnElement[bool]:
    return and_(keys.c.revoked_at.is_(None), or_(keys.c.expires_at.is_(None), keys.c.expires_at > now()))


def _refuse_impossible(
    kind: KeyKind, origins: Sequence[str], require_origin: bool, *, names_origins: bool = False
) -> None:
    """Raises ValueError, in the words of the options of `flask keys`."""
    if kind != "widget" and (origins or require_origin or names_origins):
        raise ValueError("Only widget keys are bound to origins.")
    if require_origin and not origins:
        raise ValueError("--require-origin needs at least one --origin.")


def normalised_origin(text: str) -> str:
    """An origin as browsers write it: `https://Example.com:443/` becomes `https://example.com`.

    Raises ValueError where the text is not an origin.
    """
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"{text!r} is not an origin such as https://example.com")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError(f"{text!r} is not an origin such as https://example.com")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else _ascii(parts.hostname)
    default = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _ascii(host: str) -> str:
    """The host as browsers write it: lower case, and punycode for other scripts. Raises ValueError."""
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError(f"{host!r} is not a host") from error
    if not re.fullmatch(r"[a-z0-9._-]+", name):
        raise ValueError(f"{host!r} is not a host")
    return name


def _new_text(kind: KeyKind) -> str:
    return PREFIXES[kind] + secrets.token_urlsafe(32)


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _key(row: Any) -> Key:
    return Key(**{**row._asdict(), "origins": tuple(row.origins)})
