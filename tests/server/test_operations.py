"""What operators see: the log, the health of the process, and whether it can answer."""

import sqlite3
import subprocess

import pytest
import requests
from support.wires import STREAMS, WHOLE

from app.testing.caller import Caller
from app.testing.model_server import SILENCE
from app.testing.provider_apis import OPENAI
from app.testing.server import BIN, ROOT, Server, eventually, new_session_id, script
from app.testing.sockets import connect, read_all

TURN = {"request_id", "wire", "agent", "model", "outcome", "prompt_tokens", "completion_tokens", "seconds"}


def chat(server: Server, key: str, message: str, **headers: str) -> requests.Response:
    body = {"sessionId": new_session_id(), "message": message}
    return requests.post(f"{server.url}/chat", json=body, headers={"x-api-key": key, **headers}, timeout=30)


def test_each_request_and_each_turn_is_one_json_line_under_the_callers_request_id(server, widget_key) -> None:
    answer = chat(server, widget_key, script({"pause": 0.2}, {"burst": ["a", "b"]}), **{"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    lines = eventually(
        lambda: [line for line in server.log() if line.get("request_id") == "mine-1"][1:] and server.log()
    )
    turn, request = (line for line in lines if line.get("request_id") == "mine-1")
    assert turn["message"] == "turn"
    assert turn.keys() >= TURN
    assert (turn["wire"], turn["agent"], turn["model"]) == ("widget", "open", "scripted")
    assert (turn["outcome"], turn["completion_tokens"]) == ("complete", 2)
    assert 0.2 <= turn["first_token_seconds"] <= turn["seconds"] < 10
    assert (request["message"], request["method"], request["path"]) == ("request", "POST", "/chat")
    assert (request["status"], request["address"]) == (200, "127.0.0.1")
    assert request["seconds"] >= turn["seconds"], "a streamed answer's request lasts until its end"


def logged(server: Server, method: str, path: str, **headers: str) -> str:
    """The path in the line of such a request."""
    own_id = new_session_id()
    requests.request(method, server.url + path, headers={"x-request-id": own_id, **headers}, timeout=30)
    (line,) = eventually(lambda: [line for line in server.log("request") if line["request_id"] == own_id])
    return str(line["path"])


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v2/agents/open/users/ada.lovelace/conversations", "/{agent_id}/users/{user_id}/conversations"),
        ("PUT", "/api/v2/agents/open/users/ada.lovelace/conversations", "/{agent_id}/users/{user_id}/conversations"),
        (
            "OPTIONS",
            "/api/v2/agents/open/users/ada.lovelace/conversations",
            "/{agent_id}/users/{user_id}/conversations",
        ),
        ("GET", "/api/users/ada.lovelace/chats", "/api/users/{user_id}/chats"),
        ("GET", "/health?user=ada.lovelace", "/health"),
    ],
)
def test_what_names_people_in_a_path_is_not_logged(server, method, path, expected) -> None:
    line = logged(server, method, path)
    assert expected in line
    assert "ada" not in line


def test_a_path_that_leads_nowhere_is_logged_up_to_a_length(server) -> None:
    assert logged(server, "GET", "/nothing/here") == "/nothing/here"
    assert logged(server, "GET", "/" + "x" * 3000) == "/" + "x" * 199


def test_a_flood_of_refused_requests_leaves_few_lines_and_their_number(start) -> None:
    server: Server = start(changes={'other = "100000/minute"': 'other = "1/minute"'})
    with requests.Session() as http:
        statuses = [http.get(f"{server.url}/nothing", timeout=30).status_code for _ in range(300)]
        assert statuses == [404] + [429] * 299

    def told() -> int:
        lines = [line for line in server.log("request") if line["status"] == 429]
        return len(lines) + sum(line["left_out"] for line in server.log("requests refused"))

    eventually(lambda: told() == 299, 2)
    assert len(server.log("request")) < 200


@pytest.mark.parametrize("request_line", ["GET /health", "GET /ready", "GET /nothing", "OPTIONS /api/chat"])
def test_a_flood_of_requests_that_belong_to_no_wire_leaves_few_lines_and_their_number(start, request_line) -> None:
    server: Server = start()
    one = f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with connect(server) as connection:
        connection.sendall(one * 499 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).count(b"HTTP/1.1 ") == 500

    def told() -> int:
        return len(server.log("request")) + sum(line["left_out"] for line in server.log("other requests"))

    eventually(lambda: told() == 501, 3)  # with the one that was sent to see it start
    assert len(server.log("request")) < 200


def test_a_flood_of_what_is_no_http_leaves_few_lines_and_their_number(start) -> None:
    server: Server = start()
    for _ in range(200):
        with connect(server) as connection:
            connection.sendall(b"<\r\n\r\n")
            assert read_all(connection).startswith(b"HTTP/1.1 400 ")

    def told() -> int:
        left_out = sum(line["left_out"] for line in server.log("no HTTP"))
        return server.log_text().count("no HTTP from 127.0.0.1") + left_out

    eventually(lambda: told() == 200, 3)
    assert server.log_text().count("no HTTP from 127.0.0.1") < 150


@pytest.mark.parametrize("wire", [STREAMS[0], WHOLE[0]], ids=repr)
def test_who_leaves_while_the_model_opens_is_no_error_of_the_server(relay, relay_keys, model_server, wire) -> None:
    model_server.play([SILENCE])
    own_id = new_session_id()
    with Caller(wire, relay, relay_keys[wire.key_kind, f"{OPENAI}"]).open("leaves", request_id=own_id):
        model_server.wait_for_request()
    mine = eventually(lambda: [line for line in relay.log() if line.get("request_id") == own_id][1:] and relay.log())
    turn, request = (line for line in mine if line.get("request_id") == own_id)
    assert (turn["message"], turn["outcome"]) == ("turn", "interrupted")
    assert (request["message"], request["status"]) == ("request", 499)


def test_a_request_id_that_is_no_id_is_replaced(server, widget_key) -> None:
    answer = chat(server, widget_key, "hi", **{"x-request-id": 'evil"}{'})
    assert len(answer.headers["x-request-id"]) == 32


def test_neither_messages_nor_keys_are_logged(server, widget_key) -> None:
    chat(server, widget_key, "my secret question", **{"x-request-id": "private"})
    eventually(lambda: [line for line in server.log("request") if line["request_id"] == "private"])
    assert "my secret question" not in server.log_text()
    assert widget_key not in server.log_text()


def test_messages_are_logged_where_the_operator_wants_them(start) -> None:
    server: Server = start(changes={"[server]": "[server]\nlog_messages = true"})
    chat(server, server.key("widget"), script({"text": "yes"}))
    turn = eventually(lambda: server.log("turn"))[0]
    assert (turn["question"], turn["answer"]) == (script({"text": "yes"}), "yes")


def test_a_bug_is_logged_with_its_traceback_and_its_request_id(server, widget_key) -> None:
    chat(server, widget_key, script({"text": "x"}, {"fail": "crash"}), **{"x-request-id": "crash-1"})
    logged = eventually(lambda: [line for line in server.log("turn failed") if line["request_id"] == "crash-1"])[0]
    assert "RuntimeError: the script asked for a crash" in logged["exc_info"]


def test_health_needs_nothing_but_the_process(server) -> None:
    answer = requests.get(f"{server.url}/health", timeout=5)
    assert (answer.status_code, answer.content) == (200, b'{"status":"ok"}')


def test_ready_says_what_was_checked(server) -> None:
    answer = requests.get(f"{server.url}/ready", timeout=5)
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["checks"]["database"] == "ok"


def test_a_database_of_another_version_is_not_ready(start) -> None:
    server: Server = start()
    with sqlite3.connect(server.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    answer = requests.get(f"{server.url}/ready", timeout=5)
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "of another version: run `flask prepare`"


@pytest.mark.parametrize(
    ("prepared", "flags", "words"),
    [
        (False, (), "/instance/parlance.db: missing, or cannot be opened: run `flask prepare`"),
        (True, ("--workers", "2"), "More than one worker needs REDIS_URL"),
        (True, ("--workers", "0"), "A server has 1 to 64 workers"),
        (
            True,
            ("--worker-class", "gevent"),
            "Another --worker-class than app.web.server.worker.Worker is not possible",
        ),
        (True, ("--preload",), "--preload is not possible"),
    ],
)
def test_a_server_that_could_not_work_does_not_start(tmp_path, prepared, flags, words) -> None:
    server = Server(tmp_path / "s")
    if prepared:
        server.flask("prepare")
    ran = subprocess.run(
        [BIN / "gunicorn", "-c", "config/gunicorn.conf.py", "-b", "127.0.0.1:0", *flags],
        cwd=ROOT,
        env=server.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    server.close()
    assert ran.returncode == 2
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_what_people_say_is_not_in_the_traceback_of_a_failed_write(start) -> None:
    server: Server = start()
    with sqlite3.connect(server.database) as connection:
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON messages BEGIN SELECT no_such_function(); END")
    connection.close()
    answer = chat(server, server.key("widget"), "my secret question")
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    assert eventually(lambda: server.log("request failed"))
    assert "my secret question" not in server.log_text()


def test_only_its_owner_may_read_the_database(server) -> None:
    assert server.database.stat().st_mode & 0o077 == 0
