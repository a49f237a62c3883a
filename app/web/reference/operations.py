"""What a wire tells of itself: its operations, as data from which /openapi.json and /docs are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from marshmallow import Schema, fields

from app.engine.errors import Problem

Shape = type[Schema] | Schema | Mapping[str, Any]
"""A marshmallow schema, or a JSON Schema in which marshmallow schemas may stand."""

ANSWERING = (
    Problem.TOOL_LOOP,
    Problem.WORKFLOW_FAILED,
    Problem.UPSTREAM_FAILED,
    Problem.WORKFLOW_LIMIT,
    Problem.UPSTREAM_TIMEOUT,
)
"""What can go wrong before the first byte where a model is asked."""


class Either(fields.Field[Any]):
    """One of several kinds of objects, in what is answered."""

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
    """`headers` are those that only this answer has, and what they say."""

    status: int
    says: str
    contents: tuple[Content, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` has its parameters in braces; `headers` are those that may be sent, and what they say. `problems` are
    those beside the ones that come with a body, a query, a credential and a rate limit. An `open` one needs no
    credential and takes none."""

    method: Literal["get", "post", "put", "patch", "delete"]
    path: str
    summary: str
    answers: tuple[Reply, ...]
    description: str = ""
    body: Shape | None = None
    example: Mapping[str, Any] | None = None
    query: type[Schema] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """`error` is the body of every failure; `places` are the JSON Schemas of parameters in paths, by their names."""

    about: str
    operations: tuple[Operation, ...]
    error: Shape
    places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_TEXT = {"type": "string"}


def file_operation(
    path: str, summary: str, content_type: str, shape: Shape = _TEXT, description: str = ""
) -> Operation:
    """Of a file that anybody may have, and that callers who have it are not sent again."""
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
        open=True,
    )


def ok(says: str, shape: Shape, example: Any = None, status: int = 200) -> Reply:
    """An answer of JSON."""
    return Reply(status, says, (Content(shape, example),))
