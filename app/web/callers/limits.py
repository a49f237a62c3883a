"""Rate limits, counted before a body is read: for each key, else for each address."""

import math
import time
from time import monotonic

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits import parse_many

from app.engine.errors import ChatError, Problem
from app.settings.checks import DEFAULT_OTHER, OTHER
from app.settings.records import Settings
from app.web.callers.caller import Caller
from app.web.callers.identity import identify
from app.web.callers.takers import address, taker_of
from app.web.callers.windows import STORAGE_URI
from app.web.responses.errors import error_response
from app.web.routing import current_operation
from app.web.services import services
from app.web.wire import Wire

_WIDGET = "widget"  # the wire whose limit widget keys have, and their kind


def limit_requests(app: Flask, settings: Settings, wires: list[Wire]) -> None:
    """Give each wire one budget for all its routes: counted for each key, user or address (`_counted_for`) before the
    guard looks at the request. A widget key takes from the widget wire's on every wire.

    What reaches no wire's view, such as pages, preflights and unknown paths, is counted for the address before anything
    is read for it; so is what costs as much as a page. Only /health and /ready are counted nowhere, for a balancer must
    never be refused.

    Over a budget a request is ChatError(LIMITED), with the seconds until there is room.
    """
    limits = _Limits(settings, wires)
    app.before_request(limits.count_other)
    limits.limiter.init_app(app)
    for wire in wires:
        limits.limit_wire(wire)
    app.register_error_handler(RateLimitExceeded, limits.refuse)
    app.after_request(limits.add_headers)


class _Limits:
    """The budgets of one application, by wire in flask-limiter's notation, and the hooks that count and tell."""

    def __init__(self, settings: Settings, wires: list[Wire]) -> None:
        self.limiter = Limiter(_counted_for, storage_uri=STORAGE_URI, strategy="moving-window", headers_enabled=False)
        self._budgets = {wire.name: settings.limits.get(wire.name, wire.default_limit) for wire in wires}
        self._other = parse_many(settings.limits.get(OTHER, DEFAULT_OTHER))

    def count_other(self) -> None:
        """Before anything else. Raises ChatError: LIMITED, and NOT_FOUND for a path that the router would misread."""
        if _costs_a_page() and request.blueprint != "health":
            counted = [address(), OTHER]
            for each in self._other:
                if not self.limiter.limiter.hit(each, *counted):
                    g.breached = RequestLimit(self.limiter, each, counted, True, True)
                    raise ChatError(Problem.LIMITED, retry_after=max(_seconds_left(g.breached), 1))
        if request.environ["PATH_INFO"].startswith("//"):
            raise ChatError(Problem.NOT_FOUND)  # it would be taken for a path with one slash

    def limit_wire(self, wire: Wire) -> None:
        def limit() -> str:
            _counted_for()  # who calls decides on the budget
            return self._budgets[self._budget_of(wire)]

        shared = self.limiter.shared_limit(limit, scope=lambda _: self._budget_of(wire), exempt_when=_costs_a_page)
        shared(wire.blueprint)

    def refuse(self, _error: RateLimitExceeded) -> Response:
        """What those are told who have spent a wire's budget."""
        breached = self.limiter.current_limit
        refusal, operation = g.get("identity"), current_operation()
        if isinstance(refusal, ChatError) and operation and operation.credential != "none":
            wire = services().wire_of(request.path)
            if wire and wire.signed_in:
                return error_response(refusal)  # who has no session is told that, over the limit too
        return error_response(
            ChatError(Problem.LIMITED, retry_after=max(_seconds_left(breached), 1) if breached else 1)
        )

    def add_headers(self, response: Response) -> Response:
        """Tell how much is left, on wires that do."""
        wire = services().wire_of(request.path)
        if wire and wire.limit_headers:
            counted = g.get("breached") or self.limiter.current_limit or self._remaining(wire)
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
        items = parse_many(self._budgets[counted[1]])
        budget = [RequestLimit(self.limiter, each, counted, False, True) for each in items]
        return min(budget, key=lambda each: each.remaining)


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


def _costs_a_page() -> bool:
    """Whether it leads to no view of a wire, as preflights do, or to one that asks for no more."""
    operation = current_operation()
    return operation is None or operation.cost == "page"
