"""What makes a wire: its paths, its credentials, its words for failures, its encoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flask import Blueprint

from app.engine.errors import ChatError
from app.engine.events import Batch
from app.store.keys import KeyKind
from app.web.callers.credentials import CookieToken, Credential
from app.web.reference.operations import Reference


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire. Its folder's `__init__` names it `WIRE`, and that is all the wiring there is.

    `paths` are its own and everything below them: failures there, 404 and 405 included, are answered with
    `error_body`. `reference` describes what is on them. `anonymous` lets callers without a credential reach the public
    agent. With `signed_in` the credentials are users' sessions and no keys; except on `open_paths`, who has none is
    told so even when over the limit. `counts_addresses` gives each address of a secret key a budget of its own;
    `limit_headers` tells callers what is left of theirs, and when it is whole again: in epoch milliseconds, or in
    seconds from now.
    """

    name: str
    blueprint: Blueprint
    paths: tuple[str, ...]
    credentials: tuple[Credential, ...]
    key_kinds: tuple[KeyKind, ...]
    default_limit: str
    error_body: Callable[[ChatError], Mapping[str, Any]]
    reference: Reference
    anonymous: bool = False
    signed_in: bool = False
    open_paths: tuple[str, ...] = ()
    counts_addresses: bool = False
    limit_headers: Literal["epoch milliseconds", "seconds left"] | None = None

    def owns(self, path: str) -> bool:
        """Of a path without doubled slashes."""
        return any(path == own or path.startswith(own + "/") for own in self.paths)

    def needs_session(self, path: str) -> bool:
        """Of a path that leads somewhere."""
        return self.signed_in and path not in self.open_paths

    @property
    def takes_cookies(self) -> bool:
        return any(isinstance(credential, CookieToken) for credential in self.credentials)


class Encoder(Protocol):
    """Turns batches of events into the bytes of a wire, for one answer."""

    content_type: str

    def encode(self, batch: Batch) -> bytes:
        """Whole frames only; a keep-alive for an empty batch; nothing for events that the wire does not show."""
        ...
