"""Ids as callers see them: UUIDs with dashes, of which the store keeps the 32 hexadecimal digits."""

import re
from uuid import UUID

_WITH_DASHES = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def public_id(stored: str) -> str:
    return str(UUID(stored))


def stored_id(public: str) -> str | None:
    """None for what is no UUID with dashes."""
    return public.replace("-", "").lower() if _WITH_DASHES.fullmatch(public) else None
