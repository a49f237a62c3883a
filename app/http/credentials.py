"""The ways to present a credential, one class each."""

from dataclasses import dataclass
from typing import Protocol

from flask import Request


class Credential(Protocol):
    def presented(self, request: Request) -> bytes | None:
        """The credential as it came, or None where the request carries none of this kind."""
        ...


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A key that is a header's whole value."""

    header: str

    def presented(self, request: Request) -> bytes | None:
        value = request.headers.get(self.header)
        return None if value is None else value.strip().encode()


class BearerKey:
    """`Authorization: Bearer KEY`. Another scheme is a credential that nothing matches."""

    def presented(self, request: Request) -> bytes | None:
        value = request.headers.get("Authorization")
        if value is None:
            return None
        scheme, _, key = value.strip().partition(" ")
        return key.strip().encode() if scheme.lower() == "bearer" else b""
