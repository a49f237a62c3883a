"""API keys: shown once when made, kept as SHA-256, found by it."""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from app.store.database import Database
from app.store.tables import keys, now

KeyKind = Literal["widget", "secret"]
BELIEVED_SECONDS = 1
PREFIXES: dict[KeyKind, str] = {"widget": "wk_", "secret": "sk_"}


@dataclass(frozen=True, slots=True)
class Key:
    """A credential for one agent, known by the `hash` of its text. An empty `origins` takes any origin; `revoked_at` is
    in epoch milliseconds. Answers cost credits, `spent` in sum; where `credits` is a number, no more than that can be
    spent."""

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


_FIND = select(keys).where(keys.c.hash == bindparam("digest"))  # built once: that costs more than running it


class KeyStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[str, tuple[float, Key]] = {}  # by hash; only keys that exist, so there are few

    def create(  # noqa: PLR0917 - what a key is made of
        self,
        kind: KeyKind,
        agent: str,
        name: str = "",
        origins: Sequence[str] = (),
        require_origin: bool = False,
        budget: int | None = None,
    ) -> str:
        """Make a key and return it; it cannot be had again."""
        key = _new(kind)
        row = {
            "id": uuid.uuid4().hex,
            "kind": kind,
            "agent": agent,
            "name": name,
            "hash": _hash(key.encode()),
            "origins": list(origins),
            "require_origin": require_origin,
            "credits": budget,
            "created_at": now(),
        }
        self._database.write(lambda connection: connection.execute(insert(keys).values(row)))
        return key

    def find(self, presented: bytes) -> Key | None:
        """The key behind the presented bytes, or None: unknown and revoked keys take the same time.

        What was found is believed for a second: so long a key may outlive its revocation or rotation.
        """
        digest = _hash(presented)
        until, known = self._found.get(digest, (0, None))
        if known and monotonic() < until:
            return known
        row = self._database.read(lambda connection: connection.execute(_FIND, {"digest": digest}).one_or_none())
        matches = hmac.compare_digest(row.hash if row else "0" * 64, digest)
        if not (row and matches and row.revoked_at is None):
            self._found.pop(digest, None)
            return None
        key = _key(row)
        self._found[digest] = monotonic() + BELIEVED_SECONDS, key
        return key

    def all(self) -> list[Key]:
        """Every key ever made, oldest first."""
        query = select(keys).order_by(keys.c.created_at, keys.c.id)
        return [_key(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def revoke(self, key_id: str) -> bool:
        """False where there is no such key that still works."""
        query = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now())
        return bool(self._database.write(lambda connection: connection.execute(query).rowcount))

    def rotate(self, key_id: str) -> str | None:
        """Give a key a new text in place of the old one, and return it; all that belongs to the key stays. None where
        there is no such key that still works."""
        working = and_(keys.c.id == key_id, keys.c.revoked_at.is_(None))

        def work(connection: Connection) -> str | None:
            kind = connection.execute(select(keys.c.kind).where(working)).scalar_one_or_none()
            if kind is None:
                return None
            key = _new(kind)
            connection.execute(update(keys).where(working).values(hash=_hash(key.encode())))
            return key

        return self._database.write(work)

    def forget_holds(self) -> None:
        """What was held for answers that a killed server never finished is free again. For the start of the server."""
        self._database.write(lambda connection: connection.execute(update(keys).values(held=0)))

    def some_key_allows(self, origin: str) -> bool:
        """Whether a working widget key lists this origin, or lists none and so takes any."""
        query = select(keys.c.origins).where(keys.c.kind == "widget", keys.c.revoked_at.is_(None)).distinct()
        lists = self._database.read(lambda connection: connection.execute(query).scalars().all())
        return any(not origins or origin in origins for origins in lists)


def normalised_origin(text: str) -> str:
    """`https://Example.com/` as browsers write it: `https://example.com`. Raises ValueError where it is no origin."""
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
    """The host as browsers write it: punycode for other scripts. Raises ValueError where it is no host."""
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError(f"{host!r} is not a host") from error
    if not re.fullmatch(r"[a-z0-9._-]+", name):
        raise ValueError(f"{host!r} is not a host")
    return name


def _new(kind: KeyKind) -> str:
    return PREFIXES[kind] + secrets.token_urlsafe(32)


def _hash(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def _key(row: Any) -> Key:
    return Key(
        row.id,
        row.kind,
        row.agent,
        row.name,
        row.hash,
        tuple(row.origins),
        row.require_origin,
        row.created_at,
        row.revoked_at,
        row.credits,
        row.spent,
    )
