"""Which operation a route declares. A route of a wire that declares none stops the application from starting."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from flask import Flask, current_app, request
from werkzeug.routing import Rule

from app.web.reference.operations import Operation
from app.web.wire import Wire

Operations = Mapping[tuple[str, str], Operation]
"""By the route's rule and the method in upper case."""


def declare_operations(app: Flask, wires: Sequence[Wire]) -> None:
    """Connect each route of the wires with its operation.

    Raises ValueError for a route without an operation, and for an operation without a route.
    """
    operations: dict[tuple[str, str], Operation] = {}
    for wire in wires:
        declared = {(_shape(each.path), each.method.upper()): each for each in wire.reference.operations}
        unused = set(declared)
        for rule in routes_of(app, wire):
            for method in _own_methods(rule):
                key = _shape(rule.rule), method
                if key not in declared:
                    raise ValueError(f"the wire {wire.name!r} declares no operation for {method} {rule.rule}")
                operations[rule.rule, method] = declared[key]
                unused.discard(key)
        for key in sorted(unused):
            raise ValueError(f"the wire {wire.name!r} has no route for {key[1]} {declared[key].path}")
    app.extensions["parlance.operations"] = operations


def routes_of(app: Flask, wire: Wire) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{wire.blueprint.name}."))


def _own_methods(rule: Rule) -> set[str]:
    """Without those that Flask answers by itself: HEAD where there is GET, and OPTIONS."""
    methods = {*(rule.methods or ())}
    if "GET" in methods:
        methods.discard("HEAD")
    return methods - {"OPTIONS"} if getattr(rule, "provide_automatic_options", False) else methods


def current_operation(method: str | None = None) -> Operation | None:
    """What this request's route declares, or what it would with another method; None where it leads to no view of a
    wire."""
    if request.url_rule is None or request.environ["PATH_INFO"].startswith("//"):
        return None
    operations = cast("Operations", current_app.extensions["parlance.operations"])
    asked = method or request.method
    return operations.get((request.url_rule.rule, "GET" if asked == "HEAD" else asked))


def _shape(path: str) -> str:
    """The path without the names of its parameters, whether written as Flask's rule or in braces."""
    return re.sub(r"<[^>]+>|{[^}]+}", "{}", path)
