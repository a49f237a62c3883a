"""API keys: shown once when made, kept as SHA-256, found by it."""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import bindparam, insert, select, update

from app.store.database import Database
from app.store.tables import keys, now

KeyKind = Literal["widget", "secret"]
PREFIXES: dict[KeyKind, str] = {"widget": "wk_", "secret": "sk_"}


@dataclass(frozen=True, slots=True)
class Key:
    """A credential for one agent. An empty `origins` takes any origin; `revoked_at` is in epoch milliseconds."""

    id: str
    kind: KeyKind
    agent: str
    name: str
    origins: tuple[str, ...]
    require_origin: bool
    created_at: int
    revoked_at: int | None


_FIND = select(keys).where(keys.c.hash == bindparam("digest"))  # built once: that costs more than running it


class KeyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        kind: KeyKind,
        agent: str,
        name: str = "",
        origins: Sequence[str] = (),
        require_origin: bool = False,
    ) -> str:
        """Make a key and return it; it cannot be had again."""
        key = PREFIXES[kind] + secrets.token_urlsafe(32)
        row = {
            "id": uuid.uuid4().hex,
            "kind": kind,
            "agent": agent,
            "name": name,
            "hash": _hash(key.encode()),
            "origins": list(origins),
            "require_origin": require_origin,
            "created_at": now(),
        }
        self._database.write(lambda connection: connection.execute(insert(keys).values(row)))
        return key

    def find(self, presented: bytes) -> Key | None:
        """The key behind the presented bytes, or None: unknown and revoked keys take the same time."""
        digest = _hash(presented)
        row = self._database.read(lambda connection: connection.execute(_FIND, {"digest": digest}).one_or_none())
        matches = hmac.compare_digest(row.hash if row else "0" * 64, digest)
        return _key(row) if row and matches and row.revoked_at is None else None

    def all(self) -> list[Key]:
        """Every key ever made, oldest first."""
        query = select(keys).order_by(keys.c.created_at, keys.c.id)
        return [_key(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def revoke(self, key_id: str) -> bool:
        """False where there is no such key that still works."""
        query = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=now())
        return bool(self._database.write(lambda connection: connection.execute(query).rowcount))

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


def _hash(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def _key(row: Any) -> Key:
    return Key(
        row.id,
        row.kind,
        row.agent,
        row.name,
        tuple(row.origins),
        row.require_origin,
        row.created_at,
        row.revoked_at,
    )
