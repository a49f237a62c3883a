"""Stops at odd moments: one that comes while its answer is only about to begin, or while its caller takes nothing."""

import json
import socket
from time import sleep

import requests
from support.wires import WidgetStream

from app.testing.caller import Caller
from app.testing.server import eventually, new_session_id, script
from app.testing.sockets import post, read_all, read_until, request
from app.testing.wire_client import STOPPED

TRIES = 60
MOMENTS = 12  # from 2 ms after the question to 8: some of them lie between its commit and its model


def test_a_stop_that_overtakes_the_question_on_its_way_to_the_model_ends_it(server, widget_key) -> None:
    caller = Caller(WidgetStream(), server, widget_key)
    headers, stopped = {**caller.wire.headers(caller.key), "Connection": "close"}, 0
    for number in range(TRIES):
        body = {"sessionId": new_session_id(), "message": script({"pause": 60}, {"text": new_session_id()})}
        url = f"{server.url}{caller.wire.stream_path(caller.path, body, b'')}"
        with post(server, caller.path, json.dumps(body).encode(), headers) as asking:
            sleep(0.002 + 0.0005 * (number % MOMENTS))
            reply = requests.delete(url, headers=headers, timeout=30)
            if reply.status_code == 404:  # the question itself has not come by then
                continue
            assert (reply.status_code, reply.json()["status"]) == (200, "interrupted")
            assert STOPPED.encode() in read_all(asking)
            stopped += 1
    assert stopped, "no stop came behind its question"


def test_a_stop_tells_how_the_stopped_answer_stands_though_another_one_follows_at_once(server, widget_key) -> None:
    caller = Caller(WidgetStream(), server, widget_key)
    headers = {**caller.wire.headers(caller.key), "Connection": "close"}
    body = {"sessionId": new_session_id(), "message": script({"text": "so far"}, {"pause": 60})}
    following = {**body, "message": script({"text": "next"}, {"pause": 60})}
    url = f"{server.url}{caller.wire.stream_path(caller.path, body, b'')}"
    with post(server, caller.path, json.dumps(body).encode(), headers) as asking:
        read_until(asking, b"so far")
        with post(server, caller.path, json.dumps(following).encode(), headers) as behind:
            told = requests.delete(url, headers=headers, timeout=30).json()
            assert (told["status"], told["message"]) == ("interrupted", "so far")
            read_until(behind, b"next")
            assert requests.delete(url, headers=headers, timeout=30).json()["message"] == "next"
    assert eventually(lambda: not server.rows("SELECT 1 FROM messages WHERE status = 'running'"))


def test_an_answer_whose_caller_does_not_read_is_stopped_and_stored_all_the_same(start) -> None:
    """As where a phone has lost its network: whoever takes nothing holds up nobody who stops the answer."""
    server = start(changes={"send_seconds = 1": "send_seconds = 60"})
    caller = Caller(WidgetStream(), server, server.key("widget"))
    headers = {**caller.wire.headers(caller.key), "Connection": "close"}
    body = {"sessionId": new_session_id(), "message": script({"text": "x" * 1000, "times": 50_000})}
    url = f"{server.url}{caller.wire.stream_path(caller.path, body, b'')}"
    with socket.socket() as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asking.connect(("127.0.0.1", server.port))
        asking.sendall(request(caller.path, json.dumps(body).encode(), headers))
        sleep(1)  # until no more goes on its way
        stopped = requests.delete(url, headers=headers, timeout=30).json()
    assert stopped["status"] == "interrupted"
    assert stopped["message"].startswith("xxx")
