"""The ways to present a credential, one class each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flask import Request, Response

_FORMS = {False: "`Bearer`, a space, the token", True: "The token, or `Bearer`, a space, the token"}
_PREFIX = "__Host-"  # RFC 6265bis, section 4.1.3.2


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
    """`Authorization: Bearer KEY`, in whatever header. Another scheme is a credential that nothing matches.

    With `bare`, the key may also be the header's whole value.
    """

    header: str = "Authorization"
    bare: bool = False

    def presented(self, request: Request) -> bytes | None:
        value = request.headers.get(self.header)
        if value is None:
            return None
        scheme, _, key = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            return key.strip().encode()
        return scheme.encode() if self.bare and not key else b""

    def scheme(self) -> Mapping[str, str]:
        if self.header == "Authorization":
            return {"type": "http", "scheme": "bearer"}
        return {"type": "apiKey", "in": "header", "name": self.header, "description": _FORMS[self.bare]}


@dataclass(frozen=True, slots=True)
class CookieToken:
    """A session's token in a cookie that pages cannot read.

    Over https its name begins with `__Host-`: browsers take such a cookie from this very host alone, and over https
    alone, so that neither a neighbouring host nor somebody on the way can plant one. One without the prefix is none.

    Browsers send it by themselves, from other sites' pages too: what changes something must be guarded against that
    (`refuse_other_sites` in origins.py).
    """

    name: str

    @property
    def header(self) -> str:
        return "Cookie"

    def presented(self, request: Request) -> bytes | None:
        """Two cookies of the name are a credential that nothing matches: nobody knows which of them is the caller's."""
        tokens = self.tokens(request)
        return (tokens[0] if len(tokens) == 1 else b"") if tokens else None

    def tokens(self, request: Request) -> Sequence[bytes]:
        """Of all cookies of the name."""
        return [value.encode(errors="replace") for value in request.cookies.getlist(self._named(request))]

    def scheme(self) -> Mapping[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": self.name,
            "description": f"What signing in gives, over https named `{_PREFIX}{self.name}`",
        }

    def give(self, request: Request, response: Response, token: str, seconds: int | None) -> None:
        """`seconds` is how long the browser keeps it; None: until the browser ends."""
        name, secure = self._named(request), request.is_secure
        response.set_cookie(name, token, max_age=seconds, secure=secure, httponly=True, samesite="Lax")

    def take_back(self, request: Request, response: Response) -> None:
        response.delete_cookie(self._named(request), secure=request.is_secure, httponly=True, samesite="Lax")

    def _named(self, request: Request) -> str:
        return f"{_PREFIX}{self.name}" if request.is_secure else self.name
