"""Visitors for whom a site vouches: its back end signs who they are, with a secret that only it and this server know.

A token is `EXPIRES.SIGNATURE.ID`: seconds since the epoch, then HMAC-SHA256 over `EXPIRES.ID` in hexadecimal, then the
site's own id of the visitor. The secret is made from the installation's own, the key's id and its hash: so it is stored
nowhere, and changes with the key's text.
"""

import hmac
import re
import time
from dataclasses import dataclass
from hashlib import sha256

from flask import request

from app.engine.errors import ChatError, Problem
from app.store.keys import Key

HEADER = "x-visitor"
LONGEST_SECONDS = 366 * 24 * 3600  # a token that is good for ever could never be taken back

_TOKEN = re.compile(r"(?P<expires>\d{1,11})\.[0-9a-f]{64}\.(?P<id>[A-Za-z0-9._@:+-]{1,128})")


@dataclass(frozen=True, slots=True)
class Visitors:
    """Makes and checks visitors' tokens. `secret` is the installation's."""

    secret: str

    def secret_of(self, key: Key) -> str:
        """What the back end of a widget key's site signs with."""
        return hmac.new(self.secret.encode(), f"visitors of {key.id} {key.hash}".encode(), sha256).hexdigest()

    def token(self, key: Key, visitor_id: str, expires: int) -> str:
        signed = hmac.new(self.secret_of(key).encode(), f"{expires}.{visitor_id}".encode(), sha256)
        return f"{expires}.{signed.hexdigest()}.{visitor_id}"

    def visitor(self, key: Key) -> str | None:
        """The id of this request's visitor, None without a token.

        Raises ChatError(UNAUTHORIZED) for a token that is not signed with the key's secret, has expired by the wall
        clock, or would be good for longer than `LONGEST_SECONDS`.
        """
        presented = request.headers.get(HEADER)
        if presented is None:
            return None
        token = _TOKEN.fullmatch(presented)
        if not token:
            raise ChatError(Problem.UNAUTHORIZED)
        expires = int(token["expires"])
        right = hmac.compare_digest(presented, self.token(key, token["id"], expires))
        if not right or not 0 <= expires - time.time() <= LONGEST_SECONDS:
            raise ChatError(Problem.UNAUTHORIZED)
        return token["id"]


def owner_of(key_id: str, visitor_id: str) -> str:
    """The owner of a visitor's conversations, unlike that of any other visitor or site."""
    return f"visitor:{sha256(f'{key_id}:{visitor_id}'.encode()).hexdigest()[:56]}"
