"""Callers who leave, callers who do not read, two questions at once, and more callers than there is room for."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
import requests

from app.testing.responses import parse
from app.testing.server import Server, conversation_id, eventually, new_session_id, script
from app.testing.sockets import connect, post, read_all, read_until

pytestmark = pytest.mark.timed


def ask(server: Server, key: str, message: str, session_id: str | None = None) -> socket.socket:
    body = orjson.dumps({"sessionId": session_id or new_session_id(), "message": message})
    return post(server, "/chat", body, {"x-api-key": key})


def answer_of(server: Server, conversation: str) -> dict | None:
    messages = server.messages(conversation)
    return messages[1] if len(messages) > 1 else None


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_caller_who_leaves_a_silent_model_is_noticed_within_a_tenth_of_a_second(server, widget_key, leave) -> None:
    caller = ask(server, widget_key, script({"text": "so "}, {"text": "far"}, {"pause": 60}))
    conversation = conversation_id(read_until(caller, b'"far"'))
    if leave == "reset":
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    left = time.monotonic()
    caller.close()
    answer = eventually(lambda: answer_of(server, conversation), 2)
    noticed = time.monotonic() - left
    assert (answer["status"], answer["text"]) == ("interrupted", "so far")
    assert noticed < 0.1 + 0.1, f"{noticed:.3f} s; 0.1 s are for the commit and for looking every 20 ms"


def test_a_caller_who_leaves_before_the_first_token_is_noticed_too(server, widget_key) -> None:
    caller = ask(server, widget_key, script({"pause": 60}))
    conversation = conversation_id(read_until(caller, b'"start"'))
    caller.close()
    answer = eventually(lambda: answer_of(server, conversation), 1)
    assert (answer["status"], answer["parts"]) == ("interrupted", [])


def test_a_caller_who_leaves_without_streaming_is_noticed_too(server, widget_key) -> None:
    name = new_session_id()
    body = orjson.dumps({"sessionId": name, "message": script({"text": "x"}, {"pause": 60})})
    caller = post(server, "/v1/chat", body, {"x-api-key": widget_key})
    find = "SELECT id FROM conversations WHERE external_id = ?"
    conversation = eventually(lambda: server.rows(find, name))[0]["id"]
    caller.close()
    assert eventually(lambda: answer_of(server, conversation), 1)["status"] == "interrupted"


def test_the_session_is_free_again_when_its_caller_has_left(server, widget_key) -> None:
    name = new_session_id()
    caller = ask(server, widget_key, script({"text": "x"}, {"pause": 60}), name)
    conversation = conversation_id(read_until(caller, b'"x"'))
    caller.close()
    eventually(lambda: answer_of(server, conversation), 1)
    with ask(server, widget_key, script({"text": "again"}), name) as again:
        assert b'"done"' in read_until(again, b'"done"')


def test_a_request_sent_ahead_is_not_mistaken_for_a_departure(server, widget_key) -> None:
    with ask(server, widget_key, script({"text": "x"}, {"pause": 0.5}, {"text": "y"})) as caller:
        read_until(caller, b'"x"')
        caller.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        rest = read_all(caller)
    assert b'"message":"xy"' in rest
    assert rest.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("sent", [b"\r\n", b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"], ids=["a line", "a request"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_caller_who_leaves_behind_bytes_that_were_sent_ahead_is_noticed(server, widget_key, sent, at_once) -> None:
    name = new_session_id()
    body = orjson.dumps({"sessionId": name, "message": script({"text": "x"}, {"pause": 60})})
    caller = post(server, "/v1/chat", body, {"x-api-key": widget_key})  # whole, so that no write notices
    find = "SELECT id FROM conversations WHERE external_id = ?"
    conversation = eventually(lambda: server.rows(find, name))[0]["id"]
    caller.sendall(sent)
    if not at_once:
        time.sleep(0.3)  # nothing tells outside that these bytes have been seen
        assert answer_of(server, conversation) is None
    caller.close()
    assert eventually(lambda: answer_of(server, conversation))["status"] == "interrupted"


def test_a_caller_who_stops_reading_is_dropped_and_the_worker_goes_on(server, widget_key) -> None:
    caller = ask(server, widget_key, script({"text": "z" * 3000, "times": 20000}))
    conversation = conversation_id(read_until(caller, b'"start"'))
    stopped = time.monotonic()
    answer = eventually(lambda: answer_of(server, conversation), 10)
    assert answer["status"] == "interrupted"
    assert time.monotonic() - stopped > 0.9, "send_seconds is 1 in this configuration"
    assert requests.get(f"{server.url}/health", timeout=5).ok
    assert eventually(lambda: server.log("caller stopped reading"))
    assert not server.log("Socket error processing request."), "gunicorn's traceback became one line"
    caller.close()


def test_a_slow_reader_who_does_read_gets_everything(server, widget_key) -> None:
    got = b""
    with ask(server, widget_key, script({"text": "z" * 1000, "times": 2000})) as caller:
        while b'"done"' not in got[-3_000_000:]:
            piece = caller.recv(300_000)
            assert piece, "closed before the end"
            got += piece
            time.sleep(0.01)
    assert got.count(b'"type":"token"') == 2000


def test_a_second_question_to_a_conversation_under_way_is_409_in_the_wires_words(server, widget_key) -> None:
    name = new_session_id()
    with ask(server, widget_key, script({"text": "x"}, {"pause": 0.5}, {"text": "y"}), name) as first:
        conversation = conversation_id(read_until(first, b'"x"'))
        second = requests.post(
            f"{server.url}/v1/chat",
            json={"sessionId": name, "message": "me too"},
            headers={"x-api-key": widget_key},
            timeout=5,
        )
        assert second.status_code == 409
        assert second.json() == {"error": "This conversation is still being answered"}
        assert b'"message":"xy"' in read_until(first, b'"done"')
    assert [message["role"] for message in server.messages(conversation)] == ["user", "assistant"]


def test_of_many_first_questions_at_once_to_one_session_one_is_answered(server, widget_key) -> None:
    name = new_session_id()
    start_together = threading.Barrier(10)

    def one(_: int) -> int:
        start_together.wait()
        body = {"sessionId": name, "message": script({"pause": 0.5}, {"text": "x"})}
        headers = {"x-api-key": widget_key}
        return requests.post(f"{server.url}/v1/chat", json=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(one, range(10))) == [200] + [409] * 9


def test_more_streams_than_there_is_room_for_are_told_503_at_once(start) -> None:
    server: Server = start(changes={"streams = 500": "streams = 3"})
    key = server.key("widget")
    under_way = [ask(server, key, script({"text": "x"}, {"pause": 60})) for _ in range(3)]
    for caller in under_way:
        read_until(caller, b'"x"')
    refused = requests.post(
        f"{server.url}/chat", json={"sessionId": "s", "message": "hi"}, headers={"x-api-key": key}, timeout=1
    )
    assert (refused.status_code, refused.json()) == (503, {"error": "The server is at capacity"})
    anonymous = requests.post(f"{server.url}/api/chat", json={"prompt": "hi"}, timeout=1)
    assert (anonymous.status_code, anonymous.json()["code"]) == (503, 503)
    under_way[0].close()

    def admitted() -> bool:
        return requests.post(f"{server.url}/api/chat", json={"prompt": "hi"}, timeout=1).status_code == 200

    eventually(admitted)
    for caller in under_way:
        caller.close()


def test_a_thousand_idle_connections_do_not_keep_others_waiting(server) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]
    try:
        started = time.monotonic()
        assert requests.post(f"{server.url}/api/chat", json={"prompt": "hi"}, timeout=5).status_code == 200
        assert time.monotonic() - started < 1
    finally:
        for connection in idle:
            connection.close()


def test_a_large_body_that_nobody_reads_does_not_cost_the_caller_the_response(server) -> None:
    """Of an operation that takes none."""
    body = b" " * 8_000_000
    with connect(server) as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        response = parse(read_all(connection))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["Connection"] == "close"


def test_a_body_that_nobody_reads_and_that_never_comes_holds_no_connection(server) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
        started = time.monotonic()
        assert parse(read_all(connection)).status_code == 200
        assert time.monotonic() - started < 1
