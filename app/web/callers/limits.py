"""Rate limits, counted before a body is read: for each key, else for each address."""

import math
import time
from collections.abc import Sequence
from time import monotonic

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit
from limits import RateLimitItem, parse_many

from app.cluster.client import RedisClient
from app.engine.errors import ChatError, Problem
from app.settings.checks import DEFAULT_OTHER, OTHER
from app.settings.records import Settings
from app.web.callers.caller import Caller
from app.web.callers.identity import identify
from app.web.callers.shared_windows import storage_of
from app.web.callers.takers import address, taker_of
from app.web.routing import current_operation
from app.web.services import services
from app.web.wire import Wire

_WIDGET = "widget"  # the wire whose limit widget keys have, and their kind


def limit_requests(app: Flask, settings: Settings, wires: list[Wire], redis: RedisClient | None) -> None:
    """Give each wire one budget for all its routes: counted for each key, user or address (`_counted_for`) before the
    guard looks at the request. A widget key takes from the widget wire's on every wire.

    What reaches no wire's view, such as pages, preflights and unknown paths, is counted for the address before anything
    is read for it; so is what costs as much as a page. Only /health, /ready and /metrics are counted nowhere:
    balancers and monitoring must never be refused.

    All workers that share `redis` count together. Over a budget a request is ChatError(LIMITED), with the seconds until
    there is room.
    """
    limits = _Limits(app, settings, wires, redis)
    app.before_request(limits.count)
    app.after_request(limits.add_headers)


class _Limits:
    """The budgets of one application, by wire in flask-limiter's notation, and the hooks that count and tell."""

    def __init__(self, app: Flask, settings: Settings, wires: list[Wire], redis: RedisClient | None) -> None:
        uri, options = storage_of(redis)
        self._limiter = Limiter(
            _counted_for, storage_uri=uri, storage_options=options, strategy="moving-window", headers_enabled=False
        )
        # Who is there already has no hooks added: flask-limiter's own put all limits of a route together anew for each
        # request, which was a sixteenth of what one cost (flask-limiter 4.1.1).
        app.extensions.setdefault("limiter", set()).add(self._limiter)
        self._limiter.init_app(app)
        self._wires = {wire.blueprint.name: wire for wire in wires}
        self._budgets = {wire.name: _parsed(settings.limits.get(wire.name, wire.default_limit)) for wire in wires}
        self._other = _parsed(settings.limits.get(OTHER, DEFAULT_OTHER))

    def count(self) -> None:
        """Before anything else. Raises ChatError: LIMITED, NOT_FOUND for a path that the router would misread, and what
        `identify` raises of a database that is away."""
        operation = current_operation()
        if operation is None or operation.cost == "page":
            if request.blueprint not in ("health", "metrics"):
                self._hit(self._other, [address(), OTHER])
            if request.environ["PATH_INFO"].startswith("//"):
                raise ChatError(Problem.NOT_FOUND)  # it would be taken for a path with one slash
            return
        wire = self._wires[str(request.blueprint)]
        taken_from = [_counted_for(), self._budget_of(wire)]  # who calls decides on the budget
        budget = self._budgets[taken_from[1]]
        g.counted = budget[0], taken_from
        try:
            self._hit(budget, taken_from)
        except ChatError:
            refusal = g.get("identity")
            if isinstance(refusal, ChatError) and operation.credential != "none" and wire.signed_in:
                raise refusal from None  # who has no session is told that, over the limit too
            raise

    def _hit(self, budget: Sequence[RateLimitItem], taken_from: list[str]) -> None:
        """Raises ChatError(LIMITED)."""
        for limit in budget:
            if not self._limiter.limiter.hit(limit, *taken_from):
                g.counted = limit, taken_from
                raise ChatError(Problem.LIMITED, retry_after=max(_seconds_left(self._state(limit, taken_from)), 1))

    def _state(self, limit: RateLimitItem, taken_from: list[str]) -> RequestLimit:
        return RequestLimit(self._limiter, limit, taken_from, breached=False, shared=True)

    def add_headers(self, response: Response) -> Response:
        """Tell how much is left, on wires that do."""
        wire = services().wire_of(request.path)
        if wire and wire.limit_headers:
            counted = self._state(*g.counted) if "counted" in g else self._remaining(wire)
            response.headers["X-RateLimit-Limit"] = str(counted.limit.amount)
            response.headers["X-RateLimit-Remaining"] = str(max(counted.remaining, 0))
            whole_at = time.time() + counted.window.reset_time - monotonic()  # for callers, whose clock is another
            in_seconds = wire.limit_headers == "seconds left"
            response.headers["X-RateLimit-Reset"] = str(_seconds_left(counted) if in_seconds else int(whole_at * 1000))
        return response

    def _budget_of(self, wire: Wire) -> str:
        """The name of the wire whose budget the request takes from."""
        caller = g.get("identity")
        of_widget = isinstance(caller, Caller) and caller.key is not None and caller.key.kind == _WIDGET
        return _WIDGET if of_widget and _WIDGET in self._budgets else wire.name

    def _remaining(self, wire: Wire) -> RequestLimit:
        """The state of the budget for a request that it has not counted, as those that reach no view."""
        try:
            counted = [_counted_for(), self._budget_of(wire)]
        except Exception:  # noqa: BLE001 - the response is finished but for its headers
            counted = [address(), wire.name]
        budget = [self._state(limit, counted) for limit in self._budgets[counted[1]]]
        return min(budget, key=lambda each: each.remaining)


def _parsed(limits: str) -> Sequence[RateLimitItem]:
    """The tightest first."""
    return sorted(parse_many(limits))


def _seconds_left(counted: RequestLimit) -> int:
    """Whole seconds until the budget is whole again."""
    return max(math.ceil(counted.window.reset_time - monotonic()), 0)


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
