"""Rate limits, counted before a body is read: for each key, else for each address."""

import math
import time

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits import parse_many

from app.engine.errors import ChatError, Problem
from app.settings.records import Settings
from app.web.callers.identity import identify
from app.web.callers.takers import address, taker_of
from app.web.callers.windows import STORAGE_URI
from app.web.responses.errors import error_response
from app.web.routing import current_operation
from app.web.services import services
from app.web.wire import Wire


def limit_wires(app: Flask, settings: Settings, wires: list[Wire]) -> None:
    """Give each wire one budget for all its routes: counted for each key, user or address (`_counted_for`) before the
    guard looks at the request. Over it a request is ChatError(LIMITED), with the seconds until there is room."""
    limiter = Limiter(_counted_for, storage_uri=STORAGE_URI, strategy="moving-window", headers_enabled=False)
    limiter.init_app(app)
    budgets = {wire.name: settings.limits.get(wire.name, wire.default_limit) for wire in wires}
    for wire in wires:
        limiter.shared_limit(budgets[wire.name], scope=wire.name, exempt_when=_is_preflight)(wire.blueprint)

    @app.errorhandler(RateLimitExceeded)
    def refuse(_error: RateLimitExceeded) -> Response:
        breached = limiter.current_limit
        refusal, operation = g.get("identity"), current_operation()
        if isinstance(refusal, ChatError) and operation and operation.credential != "none":
            wire = services().wire_of(request.path)
            if wire and wire.signed_in:
                return error_response(refusal)  # who has no session is told that, over the limit too
        return error_response(
            ChatError(Problem.LIMITED, retry_after=max(_seconds_left(breached), 1) if breached else 1)
        )

    def remaining(wire: Wire) -> RequestLimit:
        """The state of the budget for a request that was not counted, as those that reach no view."""
        try:
            key = [_counted_for(), wire.name]
        except Exception:  # noqa: BLE001 - the response is finished but for its headers
            key = [address(), wire.name]
        budget = [RequestLimit(limiter, each, key, False, True) for each in parse_many(budgets[wire.name])]
        return min(budget, key=lambda each: each.remaining)

    @app.after_request
    def add_headers(response: Response) -> Response:
        wire = services().wire_of(request.path)
        if wire and wire.limit_headers:
            counted = limiter.current_limit or remaining(wire)
            response.headers["X-RateLimit-Limit"] = str(counted.limit.amount)
            response.headers["X-RateLimit-Remaining"] = str(max(counted.remaining, 0))
            in_seconds = wire.limit_headers == "seconds left"
            reset = _seconds_left(counted) if in_seconds else int(counted.window.reset_time * 1000)
            response.headers["X-RateLimit-Reset"] = str(reset)
        return response


def _seconds_left(counted: RequestLimit) -> int:
    """Whole seconds until the budget is whole again."""
    return max(math.ceil(counted.window.reset_time - time.time()), 0)


def _counted_for() -> str:
    """Whose budget a request takes from: that of whom `taker_of` names, on some wires with a secret key's address.

    A wrong key counts for its sender's address: guessing must not open a fresh budget with every guess.
    """
    try:
        caller = identify()
    except ChatError as error:
        if error.problem not in (Problem.UNAUTHORIZED, Problem.FORBIDDEN):
            raise
        return address()
    taker, wire = taker_of(caller).name, services().wire_of(request.path)
    by_address = wire is not None and wire.counts_addresses and caller.key is not None and taker == caller.key.id
    return f"{taker}:{address()}" if by_address else taker


def _is_preflight() -> bool:
    return request.method == "OPTIONS"
