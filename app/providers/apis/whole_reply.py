"""What a model's server says in one piece of JSON, which is read whole: vectors, counts."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson

from app.engine.errors import ModelError, Problem
from app.engine.exchange import Exchange
from app.providers.transport.redaction import redacted
from app.providers.transport.statuses import MOST_ERROR_BYTES
from app.providers.transport.upstream import Upstream

T = TypeVar("T")

_LONGEST_REASON = 300  # characters, for the log

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What reading nonsense raises."""


def whole_reply(  # noqa: PLR0917 - what is asked, and what is wanted
    upstream: Upstream,
    path: str,
    payload: Mapping[str, Any],
    exchange: Exchange,
    read: Callable[[bytes], T],
    wanted: str,
    most_bytes: int,
) -> T:
    """Post the payload as JSON; what `read` makes of the response, which may raise one of UNREADABLE. Takes as long as
    the model's timeouts allow. `wanted` names what should come, for the log.

    Raises ModelError where the server cannot be reached, refuses, or sends anything else.
    """
    response = upstream.post(path, orjson.dumps(payload), exchange)
    if response.status != 200:
        raise response.refusal()
    body = b""
    try:
        body = response.whole(most_bytes)
        return read(body)
    except UNREADABLE as error:
        reason = f"sent what are no {wanted}: {redacted(repr(error))[:_LONGEST_REASON]}"
        said = redacted(body[:MOST_ERROR_BYTES].decode("utf-8", "replace"))[:_LONGEST_REASON]
        raise ModelError(Problem.UPSTREAM_FAILED, reason=reason, details={"said": said}) from error
