"""Requests made to do harm, of an OpenAPI document: to each of its operations, by each method, with each credential,
and with bodies that take as long to look at as they can. The request of a number and a seed is always the same one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from support.hostile_bodies import LARGEST, Bodies
from support.openapi_document import OpenApiDocument

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
HEADERS = (
    *("Origin", "Accept", "Cookie", "Content-Encoding", "X-Forwarded-For", "X-Forwarded-Proto", "Last-Event-ID"),
    *("Idempotency-Key", "If-None-Match", "x-visitor", "Accept-Language", "Range", "x-api-key", "Authorization"),
)
SHORT = 20_000  # bytes of a body of which each may be a chunk
_NO_CONTROLS = dict.fromkeys((*range(32), 127), "?")


@dataclass(frozen=True)
class Hostile:
    """`name` is the operation's, `request` its bytes."""

    number: int
    name: str
    request: bytes


@dataclass(frozen=True)
class Person:
    """Who sends: headers that carry a credential, and what this person has made, by the names of parameters and
    fields."""

    headers: Mapping[str, str]
    places: Mapping[str, Any]


NOBODY = Person({}, {})


class HostileRequests:
    """`people` are those who may use each wire, by its name."""

    def __init__(self, document: OpenApiDocument, people: Mapping[str, Sequence[Person]], seed: int) -> None:
        self._document, self._people, self._seed = document, people, seed
        self._everybody = [each for wire in people.values() for each in wire]
        self._operations = list(document.operations.items())

    def request(self, number: int) -> Hostile:
        random = Random(f"{self._seed}/{number}")
        (method, path), operation = random.choice(self._operations)
        own = self._people.get(operation["tags"][0], [NOBODY])
        person = random.choice(own if random.random() < 0.9 else self._everybody)
        if path.endswith(("sign-out", "logout")) or method == "delete":
            person = NOBODY  # what the others have made is to stay for a while
        size = LARGEST - 200 if random.random() < 0.15 else int(2 ** random.uniform(5, 18))
        request = _Request(random, person, Bodies(self._document, random, person.places, size))
        return Hostile(number, f"{method.upper()} {path}", request.made(number, method.upper(), path, operation))


class _Request:
    def __init__(self, random: Random, person: Person, bodies: Bodies) -> None:
        self._random, self._person, self._bodies = random, person, bodies
        self._often, self._text = bodies.often, bodies.text

    def made(self, number: int, method: str, path: str, operation: Mapping[str, Any]) -> bytes:
        sent = self._random.choice(METHODS) if self._often(0.08) else method
        target = "".join(self._path(path)) + self._query(operation)
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = self._bodies.body(content) if content or self._often(0.1) else b""
        framing, framed = self._framed(body)
        headers = [("Host", "test"), ("X-Request-Id", f"hostile-{number}"), *self._headers(bool(body)), *framing]
        lines = [f"{sent} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + framed

    def _path(self, path: str) -> Iterator[str]:
        for piece in path.split("/")[1:]:
            is_place = piece.startswith("{")
            known = self._person.places.get(piece.strip("{}"), "x") if is_place else piece
            odd = self._often(0.15 if is_place else 0.01)
            yield "/" + quote(self._text(300)[:600] if odd else str(known), safe="")

    def _query(self, operation: Mapping[str, Any]) -> str:
        named = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
        if not self._often(0.7 if named else 0.05):
            return ""
        names = [self._random.choice([*named, "x"]) for _ in range(self._random.choice((1, 2, 5, 100)))]
        values = [self._random.choice((1, 20, "0", "sse", self._text(100)[:300])) for _ in names]
        return "?" + urlencode(list(zip(names, values, strict=True)))[:2500]

    def _headers(self, has_body: bool) -> Iterator[tuple[str, str]]:
        if self._often(0.1):
            for name, value in self._person.headers.items():
                yield name, self._random.choice(("", "x", "Bearer", value + "x", value * 40))
        elif not self._often(0.05):
            yield from self._person.headers.items()
        if has_body or self._often(0.5):
            yield "Content-Type", self._random.choice(("text/plain", "x" * 5000, *["application/json"] * 60))
        for name in HEADERS:
            if self._often(0.02):
                yield name, self._text(60_000).encode("ascii", "replace").decode().translate(_NO_CONTROLS)

    def _framed(self, body: bytes) -> tuple[list[tuple[str, str]], bytes]:
        """The headers that say how long the body is, and the body as it is sent."""
        if not body:
            return ([("Content-Length", "0")] if self._often(0.5) else []), b""
        if self._often(0.1):
            size = self._random.choice((1, 7, 4096, LARGEST) if len(body) < SHORT else (4096, LARGEST))
            pieces = (body[at : at + size] for at in range(0, len(body), size))
            chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            return [("Transfer-Encoding", "chunked")], chunked + b"0\r\n\r\n"
        expects = [("Expect", "100-continue")] if self._often(0.05) else []
        return [("Content-Length", str(len(body))), *expects], body
