"""What every wire promises to callers who wait for `100 Continue` before they send a body, as tests to inherit."""

import json

import pytest

from app.testing.caller import Caller
from app.testing.responses import parse
from app.testing.server import script
from app.testing.sockets import connect, read_all, read_until

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def head(caller: Caller, method: str = "POST", path: str = "", **changes: str) -> bytes:
    """The head of a request whose body is announced, and waits."""
    headers = {
        "Host": "test",
        "Content-Type": "application/json",
        **caller.wire.headers(caller.key),
        "Content-Length": "100",
        "Expect": "100-continue",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    lines = [f"{method} {caller.path}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


class ContinueSuite:
    """For WireSuite to inherit."""

    def test_a_caller_who_waits_with_the_body_is_told_to_continue_and_answered(self, caller: Caller) -> None:
        body = json.dumps(caller.body(script({"text": "Hello"}))).encode()
        with connect(caller.server) as connection:
            connection.sendall(head(caller, Content_Length=str(len(body)), Connection="close"))
            assert read_until(connection, b"\r\n\r\n") == CONTINUE
            connection.sendall(body)
            assert read_all(connection).startswith(f"HTTP/1.1 {caller.wire.status} ".encode())

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"Content_Length": "300000"}, 413),
            ({"Content_Type": "text/plain"}, 415),
            ({"path": "/nothing/here"}, 404),
            ({"method": "PUT"}, 405),
        ],
        ids=["too large", "of another type", "to no path", "by another method"],
    )
    def test_a_refused_caller_is_not_told_to_continue(
        self, caller: Caller, changes: dict[str, str], status: int
    ) -> None:
        with connect(caller.server) as connection:
            connection.sendall(head(caller, **changes))
            caller.wire.check_error(parse(read_all(connection)), status)

    def test_a_caller_with_a_wrong_credential_is_not_told_to_continue(self, caller: Caller) -> None:
        with connect(caller.server) as connection:
            connection.sendall(head(caller, **caller.wire.headers("wrong")))
            caller.wire.check_error(parse(read_all(connection)), 401)
