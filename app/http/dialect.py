"""What makes a wire: its paths, its credentials, its words for failures, its encoder."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Blueprint

from app.engine.errors import ChatError
from app.engine.events import Batch
from app.http.credentials import Credential
from app.store.keys import KeyKind


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire. Its folder's `__init__` names it `DIALECT`, and that is all the wiring there is.

    `paths` are its own and everything below them: failures there, 404 and 405 included, are answered with
    `error_body`. `anonymous` lets callers without a credential reach the public agent.
    """

    name: str
    blueprint: Blueprint
    paths: tuple[str, ...]
    credentials: tuple[Credential, ...]
    key_kind: KeyKind
    default_limit: str
    error_body: Callable[[ChatError], Mapping[str, Any]]
    anonymous: bool = False

    def owns(self, path: str) -> bool:
        path = re.sub("/+", "/", path)
        return any(path == own or path.startswith(own + "/") for own in self.paths)


class Encoder(Protocol):
    """Turns batches of events into the bytes of a wire, for one answer."""

    content_type: str

    def encode(self, batch: Batch) -> bytes:
        """Whole frames only; a keep-alive for an empty batch; nothing for events that the wire does not show."""
        ...
