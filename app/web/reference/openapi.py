"""The OpenAPI document of all wires, from their references and from the schemas that check their requests."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app import VERSION
from app.engine.errors import ChatError, Problem
from app.schemas.fields import MOST_MISTAKES
from app.schemas.json_schema import OPENAPI
from app.settings.place import ROOT
from app.web.callers.credentials import BearerKey
from app.web.reference.operations import ASKED_AGAIN, REPLAYED, Content, Operation, Reference, Reply
from app.web.reference.shapes import Shapes
from app.web.requests.body import MOST_CONTAINERS, MOST_DEPTH
from app.web.responses.errors import MOST_BYTES
from app.web.wire import Wire

_ALWAYS = (
    Problem.MISDIRECTED,
    Problem.LIMITED,
    Problem.INTERNAL,
    Problem.OVERLOADED,
    Problem.STORE_UNAVAILABLE,
)
_OF_BODY = (
    Problem.INVALID,
    Problem.MALFORMED,
    Problem.BODY_TIMEOUT,
    Problem.TOO_LARGE,
    Problem.UNSUPPORTED_TYPE,
)
_OF_ANSWER = (
    Problem.CHANGED,
    Problem.REUSED,
    Problem.TOOL_LOOP,
    Problem.WORKFLOW_FAILED,
    Problem.UPSTREAM_FAILED,
    Problem.WORKFLOW_LIMIT,
    Problem.UPSTREAM_TIMEOUT,
)
_LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_HEADERS = {
    "X-Request-Id": {"description": "Under which the log tells of the request", "schema": {"type": "string"}},
    "Retry-After": {"description": "Whole seconds to wait", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "Which credential is asked for", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests in a window", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "What is left of them", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When the window is whole again", "schema": {"type": "integer"}},
}
_ABOUT = """{description}.

The schema of a body is the one that checks it. Of `text/event-stream` and `application/x-ndjson`, for which OpenAPI 3.1
has no words, the schema is that of one event, and the example a whole stream. Below a wire's paths a path that leads
nowhere is 404 and another method 405, in that wire's form of failures. `OPTIONS` is answered everywhere.

A body holds at most {containers:,} lists and objects, {depth} levels deep; else it is 400. A failure
tells of at most {mistakes} mistakes, in at most {bytes:,} bytes.

What lies below `/playground/` is not described: it is the parts of the page at `/`, and changes with that page.
Nor is `/doctor`: it answers the command `parlance doctor` alone."""


def document(wires: Sequence[Wire], server: Reference) -> dict[str, Any]:
    """`server` is what belongs to no wire. Within a request, which some wires' words for failures look at."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shapes = Shapes()
    failures: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for wire in wires:
        for operation in wire.reference.operations:
            answers = _failures(wire, operation, shapes, failures)
            security = {} if operation.credential == "none" else {"security": _security(wire)}
            described = _operation(operation, wire.reference, shapes, _limit_headers(wire))
            described |= {"tags": [wire.name], **security}
            described["responses"] |= answers
            paths.setdefault(operation.path, {})[operation.method] = described
    for operation in server.operations:
        paths.setdefault(operation.path, {})[operation.method] = {
            **_operation(operation, server, shapes, ()),
            "tags": ["server"],
        }
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Parlance",
            "version": VERSION,
            "description": _ABOUT.format(
                **project, containers=MOST_CONTAINERS, depth=MOST_DEPTH, mistakes=MOST_MISTAKES, bytes=MOST_BYTES
            ),
            "license": {"name": project["license"], "identifier": project["license"]},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [*({"name": wire.name, "description": wire.reference.about} for wire in wires),
                 {"name": "server", "description": server.about}],
        "paths": paths,
        "components": {
            "schemas": shapes.components,
            "responses": dict(sorted(failures.items())),
            "headers": _HEADERS,
            "securitySchemes": {name: scheme for wire in wires for name, scheme in _schemes(wire)},
        },
    }  # fmt: skip


def _operation(operation: Operation, reference: Reference, shapes: Shapes, headers: Iterable[str]) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", operation.path)
    parameters = [_path_parameter(name, reference.parameters[name]) for name in names]
    parameters += shapes.query(operation.query) if operation.query else []
    parameters += [
        {"in": "header", "name": name, "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in {**operation.headers, **(ASKED_AGAIN if operation.cost == "answer" else {})}.items()
    ]
    described: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method}{operation.path}").strip("_"),
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        **({"parameters": parameters} if parameters else {}),
    }
    if operation.body is not None:
        content = {"schema": shapes.of(operation.body), "example": operation.example}
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": content},
        }
    replayed = REPLAYED if operation.cost == "answer" else {}
    described["responses"] = {str(each.status): _reply(each, shapes, headers, replayed) for each in operation.replies}
    return described


def _path_parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter in a path."""
    described = {"description": schema["description"]} if "description" in schema else {}
    rest = {key: value for key, value in schema.items() if key not in ("description", "example")}
    return {"in": "path", "name": name, "required": True, "schema": rest, "example": schema["example"], **described}


def _reply(
    reply: Reply, shapes: Shapes, limit_headers: Iterable[str], more_headers: Mapping[str, str]
) -> dict[str, Any]:
    all_own = {**reply.headers, **more_headers}
    own = {name: {"description": text, "schema": {"type": "string"}} for name, text in all_own.items()}
    content = {each.type: _content(each, shapes) for each in reply.contents}
    return {
        "description": reply.description,
        "headers": {**own, **_named("X-Request-Id", *limit_headers)},
        **({"content": content} if content else {}),
    }


def _content(content: Content, shapes: Shapes) -> dict[str, Any]:
    schema = shapes.of(content.shape)
    if content.type == "text/event-stream":
        data: dict[str, Any] = {"contentMediaType": "application/json", "contentSchema": schema}
        if content.last:
            data = {"anyOf": [data, {"const": content.last}]}
        schema = {"type": "object", "properties": {"data": {"type": "string", **data}}, "required": ["data"]}
    return {"schema": schema, **({} if content.example is None else {"example": content.example})}


def _failures(wire: Wire, operation: Operation, shapes: Shapes, responses: dict[str, Any]) -> dict[str, Any]:
    """References by status to what can go wrong; each set of problems is described once, in `responses`."""
    problems = _problems(wire, operation)
    references = {}
    for status in sorted({problem.status for problem in problems}):
        here = [problem for problem in Problem if problem in problems and problem.status == status]
        name = "_or_".join([f"{wire.name}_{here[0].name.lower()}", *(each.name.lower() for each in here[1:])])
        responses.setdefault(name, _failure(wire, status, here, shapes))
        references[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return references


def _problems(wire: Wire, operation: Operation) -> set[Problem]:
    """What an operation names, and what follows from its declaration: see app/web/guard.py."""
    problems = {*_ALWAYS, *operation.problems}
    if operation.credential != "none":
        problems |= {Problem.UNAUTHORIZED} | ({Problem.FORBIDDEN} if "widget" in wire.key_kinds else set())
    if wire.takes_cookies and operation.changes_something:
        problems |= {Problem.FORBIDDEN, Problem.UNSUPPORTED_TYPE}
    if operation.query:
        problems.add(Problem.INVALID)
    if operation.body is not None:
        problems.update(_OF_BODY)
    if operation.cost == "answer":
        problems |= {*_OF_ANSWER} | ({Problem.EXHAUSTED} if wire.key_kinds else set())
    return problems


def _failure(wire: Wire, status: int, problems: Sequence[Problem], shapes: Shapes) -> dict[str, Any]:
    headers = ["X-Request-Id", *_limit_headers(wire)]
    headers += ["Retry-After"] if status in (429, 503) else []
    headers += ["WWW-Authenticate"] if status == 401 and any(isinstance(c, BearerKey) for c in wire.credentials) else []
    examples = {each.name.lower(): {"value": wire.error_body(ChatError(each))} for each in problems}
    return {
        "description": "; ".join(problem.message for problem in problems),
        "headers": _named(*headers),
        "content": {"application/json": {"schema": shapes.of(wire.reference.error), "examples": examples}},
    }


def _limit_headers(wire: Wire) -> Sequence[str]:
    return _LIMITS if wire.limit_headers else ()


def _named(*headers: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


def _schemes(wire: Wire) -> list[tuple[str, dict[str, str]]]:
    kinds = f"A {' or '.join(wire.key_kinds)} key" if wire.key_kinds else "What signing in gives"
    schemes = [each.scheme() for each in wire.credentials]
    return [
        (f"{wire.name}_{scheme.get('name', 'bearer').lower()}", {"description": kinds, **scheme}) for scheme in schemes
    ]


def _security(wire: Wire) -> list[dict[str, list[str]]]:
    """Any one of the wire's credentials will do; an empty one says that none does too."""
    security: list[dict[str, list[str]]] = [{name: []} for name, _ in _schemes(wire)]
    return [*security, {}] if wire.anonymous else security
