"""The one way to a view of a wire: what the operation declares is enforced before the view runs.

The order is the same on every wire. The rate limit has counted the request by then (callers/limits.py). Then come the
credential, what the wire itself asks of the caller, pages of other sites, attempts to sign in, the operation's own
precondition, for a question the room that the caller and the server have for another answer, the query, and the body:
its type, its size, its content. Only then the view runs, and with it the store and the model. So a question that is too
many costs neither a read of its body nor one of the database, but for the credential, which is cached for a second. One
with an Idempotency-Key costs both: it may join an answer, which takes no room.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from flask import Flask, g, request

from app.engine.errors import ChatError, Problem
from app.engine.running_turns import Taker
from app.web.callers.accounts import count_attempt
from app.web.callers.identity import identify
from app.web.callers.origins import refuse_other_sites
from app.web.callers.takers import taker_of
from app.web.reference.operations import Operation
from app.web.requests.body import is_empty, load_body, require_json
from app.web.requests.call import Call
from app.web.requests.query import load_query, refuse_nul_in_url
from app.web.requests.repeating import has_request_key
from app.web.requests.tracing import trace_context
from app.web.routing import current_operation, declare_operations, routes_of
from app.web.services import services
from app.web.wire import Wire


def guard_routes(app: Flask, wires: Sequence[Wire]) -> None:
    """Put the guard in front of every view of the wires, which gets a `Call` and the parameters of its path. Raises
    ValueError for a route without an operation."""
    declare_operations(app, wires)
    for wire in wires:
        for endpoint in {rule.endpoint for rule in routes_of(app, wire)}:
            app.view_functions[endpoint] = _guarded(wire, app.view_functions[endpoint])


def _guarded(wire: Wire, view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def run(**parameters: Any) -> Any:
        operation = current_operation()
        assert operation, "each route has one"
        call = _admit(wire, operation, parameters)
        return view(call, **parameters)

    return run


def _admit(wire: Wire, operation: Operation, parameters: dict[str, Any]) -> Call:
    """Raises ChatError with the first thing that is wrong."""
    caller = None
    identified = identify() if operation.credential != "none" else None
    refuse_nul_in_url(parameters)
    if identified:
        caller = wire.admit(identified, parameters)
        if operation.credential == "secret key" and (caller.key is None or caller.key.kind != "secret"):
            raise ChatError(Problem.FORBIDDEN, "This takes a secret key")
    if wire.takes_cookies and operation.changes_something:
        refuse_other_sites()
        # A page of another site may post, without asking first, what is no JSON; a form always names its type.
        if "Content-Type" in request.headers or not is_empty():
            require_json()
    if operation.cost == "attempt":
        count_attempt()
    if operation.precondition:
        operation.precondition()
    if operation.cost == "answer" and caller and not has_request_key():  # which may join an answer, and takes no room
        _check_room(taker_of(caller))
    query = load_query(operation.query) if operation.query else None
    body = load_body(operation.body_schema, operation.body_optional) if operation.body_schema else None
    return Call(g.request_id, query, body, caller, trace_context(request.headers))


def _check_room(taker: Taker) -> None:
    """Among the running turns, and for a caller without a credential in the database. Raises ChatError."""
    services().engine.running_turns.check_room(taker)
    if taker.anonymous:
        services().stored_bytes.check(taker.name)
