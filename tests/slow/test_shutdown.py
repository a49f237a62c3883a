"""SIGTERM: answers under way end properly, new ones are refused, and nothing is lost."""

import threading
import time

import orjson
import pytest
import requests

from app.testing.server import Server, conversation_id, new_session_id, script
from app.testing.sockets import post, read_all, read_until

pytestmark = pytest.mark.timed(tries=1)


def ask(server: Server, key: str, message: str):
    return post(server, "/chat", orjson.dumps({"sessionId": "s", "message": message}), {"x-api-key": key})


def test_an_answer_that_ends_in_time_ends_as_ever(start) -> None:
    server: Server = start()
    with ask(server, server.key("widget"), script({"text": "x"}, {"pause": 1}, {"text": "y"})) as caller:
        conversation = conversation_id(read_until(caller, b'"x"'))
        server.stop()
        assert b'"type":"done","message":"xy"' in read_all(caller)
    assert [message["status"] for message in server.messages(conversation)] == ["complete", "complete"]


def test_an_answer_that_takes_too_long_ends_with_the_wires_error_and_is_kept(start) -> None:
    server: Server = start()
    with ask(server, server.key("widget"), script({"text": "so far"}, {"pause": 600})) as caller:
        conversation = conversation_id(read_until(caller, b'"so far"'))
        stopping = threading.Thread(target=server.stop)
        began = time.monotonic()
        stopping.start()
        rest = read_all(caller)
        stopping.join()
    assert b'{"type":"error","error":"The server is restarting"}\n\r\n' in rest
    assert rest.endswith(b"0\r\n\r\n"), "the response ends whole, it is not cut"
    assert time.monotonic() - began < 12, "shutdown_seconds is 2 here"
    stored = server.messages(conversation)[1]
    assert (stored["status"], stored["text"]) == ("interrupted", "so far")


def test_who_is_connected_is_answered_until_nobody_is_accepted_any_more_and_then_refused(tmp_path) -> None:
    server = Server(tmp_path, changes={"shutdown_seconds = 2": "shutdown_seconds = 4"})
    server.command = (*server.command, "--keep-alive", "10")
    with server, requests.Session() as kept, requests.Session() as other:
        key = server.key("widget")
        with ask(server, key, script({"text": "x"}, {"pause": 600})) as caller:
            read_until(caller, b'"x"')
            for session in (kept, other):
                assert session.get(f"{server.url}/health", timeout=5).ok
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            time.sleep(0.2)
            answered = ask_on(other, server, key)
            time.sleep(2.3)
            refused = ask_on(kept, server, key)
            stopping.join()
    assert (answered.status_code, answered.headers["Connection"]) == (200, "close")
    assert (refused.status_code, refused.json()) == (503, {"error": "The server is at capacity"})


def ask_on(kept: requests.Session, server: Server, key: str) -> requests.Response:
    body = {"sessionId": new_session_id(), "message": "hi"}
    return kept.post(f"{server.url}/chat", json=body, headers={"x-api-key": key}, timeout=5)
