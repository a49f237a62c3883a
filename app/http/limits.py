"""Rate limits, counted before a body is read: for each key, else for each address."""

import math
import time
from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded

from app.engine.errors import ChatError, Problem
from app.http.dialect import Dialect
from app.http.errors import answer
from app.http.identity import identify
from app.settings import Settings


def limit_dialects(app: Flask, settings: Settings, dialects: list[Dialect]) -> None:
    """Give each dialect its one budget, shared by all its routes."""
    limiter = Limiter(_counted_for, storage_uri="memory://", strategy="moving-window", headers_enabled=False)
    limiter.init_app(app)
    for dialect in dialects:
        limit = settings.limits.get(dialect.name, dialect.default_limit)
        limiter.shared_limit(limit, scope=dialect.name, exempt_when=_is_preflight)(dialect.blueprint)

    @app.errorhandler(RateLimitExceeded)
    def refuse(_error: RateLimitExceeded) -> Response:
        breached = limiter.current_limit
        wait = math.ceil(breached.window.reset_time - time.time()) if breached else 1
        return answer(ChatError(Problem.LIMITED, retry_after=max(wait, 1)))


def _counted_for() -> str:
    """A widget's key stands in a public page, so each of its visitors has a budget; a secret key has one.

    A wrong key is counted for its sender's address: guessing must not open a fresh budget with every guess.
    """
    try:
        key = identify().key
    except ChatError as error:
        if error.problem not in (Problem.UNAUTHORIZED, Problem.FORBIDDEN):
            raise
        key = None
    if key is None:
        return _address()
    return f"{key.id}:{_address()}" if key.kind == "widget" else key.id


def _address() -> str:
    """The caller's address; of IPv6 the /64 network, of which one household has all 2^64."""
    text = request.remote_addr or "local"  # a Unix socket has no address
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address) and not address.ipv4_mapped:
        return str(IPv6Network((address, 64), strict=False))
    return text


def _is_preflight() -> bool:
    return request.method == "OPTIONS"
