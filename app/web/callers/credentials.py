"""The ways to present a credential, one class each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flask import Request, Response


class Credential(Protocol):
    @property
    def header(self) -> str:
        """The request's header that carries it."""
        ...

    def presented(self, request: Request) -> bytes | None:
        """The credential as it came, or None where the request carries none of this kind."""
        ...

    def scheme(self) -> Mapping[str, str]:
        """As OpenAPI describes it."""
        ...


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A key that is a header's whole value."""

    header: str

    def presented(self, request: Request) -> bytes | None:
        value = request.headers.get(self.header)
        return None if value is None else value.strip().encode()

    def scheme(self) -> Mapping[str, str]:
        return {"type": "apiKey", "in": "header", "name": self.header}


@dataclass(frozen=True, slots=True)
class BearerKey:
    """`Authorization: Bearer KEY`, in whatever header. Another scheme is a credential that nothing matches."""

    header: str = "Authorization"

    def presented(self, request: Request) -> bytes | None:
        value = request.headers.get(self.header)
        if value is None:
            return None
        scheme, _, key = value.strip().partition(" ")
        return key.strip().encode() if scheme.lower() == "bearer" else b""

    def scheme(self) -> Mapping[str, str]:
        if self.header == "Authorization":
            return {"type": "http", "scheme": "bearer"}
        return {"type": "apiKey", "in": "header", "name": self.header, "description": "`Bearer`, a space, the token"}


@dataclass(frozen=True, slots=True)
class CookieToken:
    """A session's token in a cookie that pages cannot read.

    Browsers send it by themselves, from other sites' pages too: what changes something must be guarded against that
    (`refuse_other_sites` in origins.py).
    """

    name: str

    @property
    def header(self) -> str:
        return "Cookie"

    def presented(self, request: Request) -> bytes | None:
        value = request.cookies.get(self.name)
        return None if value is None else value.encode(errors="replace")

    def scheme(self) -> Mapping[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": self.name}

    def give(self, response: Response, token: str, seconds: int, *, secure: bool) -> None:
        """`seconds` is how long the browser keeps it; with `secure` it goes over https only."""
        response.set_cookie(self.name, token, max_age=seconds, secure=secure, httponly=True, samesite="Lax")

    def take_back(self, response: Response, *, secure: bool) -> None:
        response.delete_cookie(self.name, secure=secure, httponly=True, samesite="Lax")
