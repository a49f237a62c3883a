"""Requests made of drafts and sent over one connection, and replies made comparable."""

import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from support.permission_owners import MARKER
from support.permission_requests import BODIES, Call, Draft

from app.testing.server import Server, random_address

VARYING = (  # from one request to the next
    re.compile(rb"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"),
    re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z|\d{9,}"),
    re.compile(rb"[A-Za-z0-9_.-]{40,}"),
    re.compile(rb"_[0-9a-f]{8}\b"),  # behind the id of a call, where there are two of that id
    re.compile(rb"(?m)^: keep-alive\n|^\n"),
)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    data: bytes

    @property
    def plain(self) -> tuple[int, bytes]:
        """Status and body, without what differs from one request to the next."""
        data = self.data
        for pattern in VARYING:
            data = pattern.sub(b"", data)
        return self.status, data

    @property
    def markers(self) -> set[str]:
        return set(MARKER.findall(self.data.decode() + str(self.headers)))


class Sender:
    """Sends one request at a time. `described` is the last one, in short."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = self._connect()
        self.described = ""

    def _connect(self, address: str = "127.0.0.1") -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30, source_address=(address, 0))

    def close(self) -> None:
        self._connection.close()

    def send(self, call: Call, draft: Draft, headers: Mapping[str, str]) -> Reply:
        target, body = _target_and_body(call, draft)
        typed = {"Content-Type": "application/json"} if call.operation.changes_something else {}
        named = {place: draft.ids[place] for place in call.header_places if draft.rng.random() < 0.7}
        method, sent = call.operation.method.upper(), {**headers, **typed, **named}
        self.described = f"{method} {target} {(body or b'').decode()}{named or ''}"
        if call.operation.cost == "attempt":  # of which few are allowed from one address
            connection = self._connect(random_address())
            try:
                return _exchange(connection, method, target, body, sent)
            finally:
                connection.close()
        try:
            return _exchange(self._connection, method, target, body, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connection.close()  # it was idle for too long; the server had not read the request
            return _exchange(self._connection, method, target, body, sent)


def _target_and_body(call: Call, draft: Draft) -> tuple[str, bytes | None]:
    """The path with its query, and the JSON."""
    path = call.operation.path
    for place in call.path_places:
        path = path.replace(f"{{{place}}}", draft.ids[place])
    query = [f"{place}={draft.ids[place]}" for place in call.query_places if draft.rng.random() < 0.5]
    if call.operation.query and "limit" in call.operation.query().fields:
        query.append(f"limit={draft.rng.choice([1, 2, 20])}")
    target = f"{path}?{'&'.join(query)}" if query else path
    if call.operation.body is None:
        return target, None
    body = BODIES.get(
        call.key, lambda _: {**(call.operation.example or {}), **draft.some(**{p: p for p in call.body_places})}
    )
    return target, json.dumps(body(draft)).encode()


def _exchange(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
) -> Reply:
    connection.request(method, target, body, headers)  # type: ignore[arg-type]
    response = connection.getresponse()
    return Reply(response.status, response.headers, response.read())
