"""One request to a webhook: to a checked address, signed, within a time limit, and no redirect is followed."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from time import time
from typing import Any

import gevent
from gevent import ssl

from app import VERSION
from app.providers.transport.retry_after import retry_seconds
from app.store.outbox import payload_of
from app.store.tables import now
from app.store.webhook_events import TEST
from app.tools.base import ToolError
from app.tools.http_request.connecting import Connector
from app.tools.http_request.hosts import Target
from app.tools.http_request.lookups import LookUp, Lookups
from app.tools.http_request.response import ResponseTooLarge, exchange
from app.webhooks.options import Webhook
from app.webhooks.signing import signed_headers

SECONDS = 10.0  # in all: look-up, connection, handshake, request, answer
MOST_ANSWER = 4096  # bytes that are read of a body


class PostError(Exception):
    """Nothing was answered that can be read; the text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`wait` is what the receiver asks for, in seconds, None where it does not. `body` is the beginning of its text."""

    status: int
    wait: int | None
    body: str


class Poster:
    """Made once for each process, whose greenlets of one thread use it. `seconds` bounds a request."""

    def __init__(self, seconds: float = SECONDS, look_up: LookUp | None = None) -> None:
        self._seconds = seconds
        self._connector = Connector(look_up or Lookups(seconds), seconds)

    def post(self, webhook: Webhook, message_id: str, body: str) -> Answer:
        """Raises PostError."""
        target = webhook.target
        headers = {
            **signed_headers(webhook.secret, message_id, int(time()), body),
            "Content-Type": "application/json",
            "User-Agent": f"Parlance/{VERSION}",
        }
        try:
            with gevent.Timeout(self._seconds):
                addresses = self._connector.addresses(target, private=webhook.private)
                with self._connector.connected(target, addresses) as connection:
                    return _answer(connection, target, headers, body.encode())
        except gevent.Timeout as error:
            raise PostError(f"no whole answer within {self._seconds:g} s") from error
        except ToolError as error:
            raise PostError(str(error)) from error
        except ssl.SSLCertVerificationError as error:
            raise PostError(f"no valid certificate for {target.host}") from error
        except ssl.SSLError as error:
            raise PostError(f"{target.host} speaks no TLS on port {target.port}, or none that is safe") from error
        except ResponseTooLarge as error:
            raise PostError("the answer's headers are too large") from error
        except HTTPException as error:
            raise PostError("the answer is broken off, or no HTTP") from error
        except OSError as error:
            raise PostError(f"{target.host} does not answer") from error

    def test(self, name: str, webhook: Webhook) -> Answer:
        """Send it `webhook.test`. Raises PostError."""
        return self.post(webhook, uuid.uuid4().hex, payload_of(TEST, now(), {"webhook": name}))


def _answer(connection: Any, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
    with exchange(connection, target, "POST", headers, body) as response:
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, retry_seconds(said), response.read1(MOST_ANSWER).decode(errors="replace"))
