"""A wire's operations as data: the law for its routes, and what /openapi.json and /docs are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from marshmallow import Schema, fields

from app.engine.errors import Problem

Shape = type[Schema] | Schema | Mapping[str, Any]
"""A marshmallow schema, or a JSON Schema in which marshmallow schemas may stand."""


class Either(fields.Field[Any]):
    """One of several kinds of objects, in a reply."""

    def __init__(self, *kinds: type[Schema], **options: Any) -> None:
        super().__init__(**options)
        self.described = {"oneOf": list(kinds)}


@dataclass(frozen=True, slots=True)
class Content:
    """A body. Of `text/event-stream` and `application/x-ndjson` the shape is that of one event, and the example (text)
    is a whole stream; `last` is what ends it in place of JSON."""

    shape: Shape
    example: Any = None
    type: str = "application/json"
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """`headers` are those that only this reply has, with their descriptions."""

    status: int
    description: str
    contents: tuple[Content, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path: what is declared here is enforced before its view runs (app/web/guard.py), and described.

    - `path` has its parameters in braces.
    - `credential`: any of the wire's, a secret key alone, or none (then none is looked at).
    - `query` and `body` are the schemas that the request is loaded with; what they make is the view's to use. Where a
      body is described in more detail than it is checked at first, `loads` is what checks it. With `body_optional` a
      request without one is taken for one with an empty object.
    - `precondition` raises ChatError where the operation is switched off; it is called before the query and the body
      are looked at.
    - `cost`: a request of the caller's budget; besides, an attempt to sign in, counted for the address; or an answer,
      which needs a place among the running turns and, where the key has a budget, credits, and may be asked for again
      with an Idempotency-Key. What is asked for every page that is looked at costs no more than a page does: it is
      counted for the address, as those are.
    - `for_any_page`: pages of every origin may read the reply, so that they learn of a refusal, too.
    - `headers` are those that may be sent, with their descriptions.
    - `problems` are those beside the ones that follow from credential, query, body and cost.
    """

    method: Literal["get", "post", "put", "patch", "delete"]
    path: str
    summary: str
    replies: tuple[Reply, ...]
    description: str = ""
    credential: Literal["any", "secret key", "none"] = "any"
    query: type[Schema] | None = None
    body: Shape | None = None
    body_optional: bool = False
    loads: type[Schema] | None = None
    example: Mapping[str, Any] | None = None
    cost: Literal["request", "attempt", "answer", "page"] = "request"
    for_any_page: bool = False
    precondition: Callable[[], None] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def changes_something(self) -> bool:
        return self.method != "get"

    @property
    def body_schema(self) -> type[Schema] | None:
        """What loads the body, None where there is none."""
        return self.loads or cast("type[Schema] | None", self.body)


@dataclass(frozen=True, slots=True)
class Reference:
    """A wire's operations; `error` is the body of every failure; `parameters` are the JSON Schemas of the parameters in
    paths, by their names."""

    about: str
    operations: tuple[Operation, ...]
    error: Shape
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_TEXT = {"type": "string"}

LAST_EVENT_ID = {
    "Last-Event-ID": "Where the caller has stopped reading: an answer's id, a dot, and a position in it. With this "
    "header, which may be empty, the stream says such a position with each of its events. That of the last one has "
    "`.end` behind it"
}
ASKED_AGAIN = {
    "Idempotency-Key": "Of the caller's making, 1 to 255 visible characters of ASCII, another for each question: who "
    "sends the same again with it within 24 hours gets the answer that there is, and pays once"
}
REPLAYED = {
    "Idempotency-Replayed": "`true` where the answer is that of an earlier request with the same `Idempotency-Key`"
}
ASKED_FOR_IDS = {"Last-Event-ID": "Empty: the stream is to say with each of its events where it can be read on"}


def file_operation(
    path: str, summary: str, content_type: str, shape: Shape = _TEXT, description: str = ""
) -> Operation:
    """Of a file that anybody may have; callers who have it already get 304."""
    return Operation(
        "get",
        path,
        summary,
        (
            Reply(200, "The file.", (Content(shape, type=content_type),), {"ETag": "Of which bytes they are"}),
            Reply(304, "`If-None-Match` named what is there still."),
        ),
        description,
        headers={"If-None-Match": "The `ETag` of what the caller has"},
        credential="none",
    )


def ok(description: str, shape: Shape, example: Any = None, status: int = 200) -> Reply:
    """A reply of JSON."""
    return Reply(status, description, (Content(shape, example),))
