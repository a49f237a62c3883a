"""Rate limits, counted before a body is read: for each key, else for each address."""

import math
import time
from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits import parse_many

from app.engine.errors import ChatError, Problem
from app.settings.load import Settings
from app.web.callers.identity import identify
from app.web.callers.windows import STORAGE_URI
from app.web.responses.errors import answer
from app.web.services import services
from app.web.wire import Dialect


def limit_dialects(app: Flask, settings: Settings, dialects: list[Dialect]) -> None:
    """Give each dialect its one budget, shared by all its routes."""
    limiter = Limiter(_counted_for, storage_uri=STORAGE_URI, strategy="moving-window", headers_enabled=False)
    limiter.init_app(app)
    budgets = {dialect.name: settings.limits.get(dialect.name, dialect.default_limit) for dialect in dialects}
    for dialect in dialects:
        limiter.shared_limit(budgets[dialect.name], scope=dialect.name, exempt_when=_is_preflight)(dialect.blueprint)

    @app.errorhandler(RateLimitExceeded)
    def refuse(_error: RateLimitExceeded) -> Response:
        breached = limiter.current_limit
        stranger, dialect = g.get("identity"), services().dialects[request.blueprint or ""]
        if isinstance(stranger, ChatError) and dialect.needs_session(request.path):
            return answer(stranger)
        return answer(ChatError(Problem.LIMITED, retry_after=max(_seconds_left(breached), 1) if breached else 1))

    def uncounted(dialect: Dialect) -> RequestLimit:
        """How the budget stands for a request that took nothing of it, as those that reach no view."""
        try:
            whose = [_counted_for(), dialect.name]
        except Exception:  # noqa: BLE001 - the answer is finished but for its headers
            whose = [address(), dialect.name]
        budget = [RequestLimit(limiter, each, whose, False, True) for each in parse_many(budgets[dialect.name])]
        return min(budget, key=lambda each: each.remaining)

    @app.after_request
    def tell(response: Response) -> Response:
        dialect = services().dialect_of(request.path)
        if dialect and dialect.limit_headers:
            counted = limiter.current_limit or uncounted(dialect)
            response.headers["X-RateLimit-Limit"] = str(counted.limit.amount)
            response.headers["X-RateLimit-Remaining"] = str(max(counted.remaining, 0))
            in_seconds = dialect.limit_headers == "seconds left"
            reset = _seconds_left(counted) if in_seconds else int(counted.window.reset_time * 1000)
            response.headers["X-RateLimit-Reset"] = str(reset)
        return response


def _seconds_left(counted: RequestLimit) -> int:
    """Until the budget is whole again."""
    return max(math.ceil(counted.window.reset_time - time.time()), 0)


def _counted_for() -> str:
    """A widget's key stands in a public page, so each of its visitors has a budget; a secret key has one.

    A wrong key is counted for its sender's address: guessing must not open a fresh budget with every guess.
    """
    session = None
    try:
        caller = identify()
        key, session = caller.key, caller.session
    except ChatError as error:
        if error.problem not in (Problem.UNAUTHORIZED, Problem.FORBIDDEN):
            raise
        key = None
    if session is not None:
        return session.user.id
    if key is None:
        return address()
    dialect = services().dialect_of(request.path)
    alone = key.kind == "secret" and not (dialect and dialect.counts_addresses)
    return key.id if alone else f"{key.id}:{address()}"


def address() -> str:
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
