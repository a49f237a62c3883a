"""What makes a wire: its paths, its credentials, its words for failures, its encoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from flask import Blueprint

from app.engine.errors import ChatError
from app.engine.events import Batch
from app.store.keys import KeyKind
from app.web.callers.caller import Caller
from app.web.callers.credentials import CookieToken, Credential
from app.web.reference.operations import Reference


def _admit(caller: Caller, _parameters: dict[str, Any]) -> Caller:
    return caller


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire. Its folder's `__init__` names it `WIRE`, and that is all the wiring there is.

    - `paths` are its own with everything below them that is not another wire's: failures there, 404 and 405 included,
      are told with `error_body`.
    - `credentials` are looked for in this order, and the first that a request carries counts. With `signed_in` they are
      users' sessions; otherwise keys of `key_kinds`. `anonymous` lets callers without one reach the public agent.
    - `varies_by` names the headers beside those of the credentials on which its replies depend.
    - `reference` declares the operations, which is what the guard enforces.
    - `admit(caller, parameters)` is what the wire asks of a caller beside the credential. It returns the caller, or one
      that is narrowed to whom the request is for, and raises ChatError for those it refuses. `parameters` are those of
      the path; what it takes out of them, the view does not get.
    - `credentialed` lets pages of origins that are named, by the operator or by a widget key, ask with
      `credentials: "include"`; whoever takes cookies lets those that the operator names.
    - `for_vendors_clients`: its callers are the clients of a vendor's API, which wait and ask again by what headers say
      (app/web/responses/retries.py).
    - `default_limit` is the budget of each caller (`[limits]` overrides it), in flask-limiter's notation.
      `counts_addresses` gives each address of a secret key a budget of its own. `limit_headers` tells callers what is
      left of theirs and when it is whole again: in epoch milliseconds, or in seconds from now.
    """

    name: str
    blueprint: Blueprint
    paths: tuple[str, ...]
    credentials: tuple[Credential, ...]
    key_kinds: tuple[KeyKind, ...]
    default_limit: str
    error_body: Callable[[ChatError], Mapping[str, Any]]
    reference: Reference
    admit: Callable[[Caller, dict[str, Any]], Caller] = _admit
    anonymous: bool = False
    signed_in: bool = False
    credentialed: bool = False
    varies_by: tuple[str, ...] = ()
    counts_addresses: bool = False
    for_vendors_clients: bool = False
    limit_headers: Literal["epoch milliseconds", "seconds left"] | None = None

    def owns(self, path: str) -> int:
        """How much of the path (characters) is the wire's own, 0 where nothing is: failures on it are told by the wire
        that owns most of it. `path` has no doubled slashes."""
        return max((len(own) for own in self.paths if path == own or path.startswith(own + "/")), default=0)

    @property
    def vary(self) -> tuple[str, ...]:
        """The request's headers by which its replies differ, but for Origin."""
        return (*(credential.header for credential in self.credentials), *self.varies_by)

    @property
    def takes_cookies(self) -> bool:
        return any(isinstance(credential, CookieToken) for credential in self.credentials)


class Encoder(Protocol):
    """Turns batches of events into the bytes of a wire, for one answer."""

    content_type: str

    def encode(self, batch: Batch) -> bytes:
        """Whole frames only; a keep-alive for an empty batch; nothing for events that the wire does not show."""
        ...
