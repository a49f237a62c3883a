"""Who listens to an answer, and who asked for it, wait for nobody else; and answers that nobody listens to count."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.testing.rejoining_suite import MOST_LISTENERS
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import body_of, read_all, read_until, request
from app.testing.takers_suite import running

pytestmark = pytest.mark.timed

CHANGES = {
    "send_seconds = 1": "send_seconds = 120",
    "streams_per_caller = 250": "streams_per_caller = 100",
    'name = "Open"': 'name = "Open"\nwhen_left = "finish"',
}
SHORT_ANSWERS = CHANGES | {"answer_bytes = 100000000": "answer_bytes = 100000000\nanswer_seconds = 20"}
MEGABYTES = [{"text": "x", "times": 150_000, "every": 1e-9}, {"text": "y" * 1000, "times": 10_000, "every": 1e-9}]
"""More than fits on the way to a caller who reads nothing: in small pieces and in large ones."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("listeners"), changes=CHANGES) as running_server:
        yield running_server


@pytest.fixture
def server_of_short_answers(tmp_path) -> Iterator[Server]:
    """Only here does an answer end by its time: the megabytes take a slow machine longer."""
    with Server(tmp_path, changes=SHORT_ANSWERS) as running_server:
        yield running_server


class Asker:
    """A widget in a session of its own. Its connections take in little before they are read."""

    def __init__(self, server: Server, key: str) -> None:
        self.server, self.headers, self.session = server, {"x-api-key": key, "Connection": "close"}, new_session_id()

    def send(self, method: str, body: bytes = b"") -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", self.server.port))
        path = "/v1/chat/stream" + (f"?sessionId={self.session}" if method != "POST" else "")
        connection.sendall(request(path, body, self.headers, method=method))
        return connection

    def ask(self, *cues: object) -> socket.socket:
        return self.send("POST", json.dumps({"sessionId": self.session, "message": script(*cues)}).encode())

    def begin(self, *cues: object) -> socket.socket:
        """An answer that has begun with "so far", whatever comes then."""
        connection = self.ask({"text": "so far"}, *cues)
        read_until(connection, b"so far")
        return connection

    def listen(self) -> socket.socket:
        connection = self.send("GET")
        read_until(connection, b"so far")
        return connection

    def stop(self) -> None:
        with self.send("DELETE") as connection:
            read_all(connection)


@pytest.fixture
def asker(server) -> Asker:
    return Asker(server, server.key("widget"))


def heard(connection: socket.socket) -> bytes:
    """All that comes until the end, which has to come long before one who reads nothing is given up for that."""
    return read_all(connection, 100)


@pytest.mark.parametrize("megabytes", MEGABYTES, ids=["small pieces", "large pieces"])
def test_a_first_caller_who_does_not_read_holds_up_nobody(asker, megabytes) -> None:
    with asker.begin({"pause": 0.5}, megabytes, {"text": "end"}), asker.listen() as listener:
        said = heard(listener)
    assert b'"type":"done"' in said


@pytest.mark.parametrize("megabytes", MEGABYTES, ids=["small pieces", "large pieces"])
def test_nor_one_who_had_stopped_reading_before(asker, megabytes) -> None:
    with asker.begin(megabytes, {"text": "end"}):
        time.sleep(4)  # by then nothing fits on the way to the first any more
        began = time.monotonic()
        with asker.listen() as listener:
            said = heard(listener)
    assert b'"type":"done"' in said
    assert time.monotonic() - began < 60


def test_a_listener_who_does_not_read_is_left_behind_and_nobody_else_is(asker) -> None:
    with (
        asker.begin({"pause": 0.5}, MEGABYTES[0], {"text": "end"}) as first,
        asker.listen() as reads,
        asker.listen() as sleeps,
        ThreadPoolExecutor(2) as pool,
    ):
        whole = [pool.submit(heard, each) for each in (first, reads)]
        assert all(b'"type":"done"' in each.result() for each in whole)
        behind = heard(sleeps)
    assert b'"type":"done"' not in behind
    assert b"Too slow: read on from where you are" in behind


def test_of_a_thousand_who_want_to_listen_twenty_may(asker) -> None:
    with asker.begin({"pause": 60}):
        listeners = [asker.send("GET") for _ in range(1000)]
        statuses = [read_until(each, b"\r\n").split()[1] for each in listeners]
        assert (statuses.count(b"200"), statuses.count(b"429")) == (MOST_LISTENERS, 1000 - MOST_LISTENERS)
        asker.stop()
        for each, status in zip(listeners, statuses, strict=True):
            assert status == b"429" or b"The answer was stopped" in read_all(each)
            each.close()


def test_answers_that_nobody_listens_to_count_and_end_in_time(server_of_short_answers) -> None:
    server = server_of_short_answers
    key = server.key("widget", "open", "--credits", "1000")
    askers = [Asker(server, key) for _ in range(100)]
    began = time.monotonic()
    for asker in askers:
        asker.begin({"pause": 600}).close()
    assert running(server) == len(askers)
    last, other = Asker(server, key), Asker(server, server.key("widget"))
    with last.ask({"text": "x"}) as connection:
        assert read_until(connection, b"\r\n").split()[1] == b"429"
    with other.ask({"text": "so far"}, {"text": "."}) as connection:
        assert b'"type":"done"' in body_of(read_all(connection))
    eventually(lambda: running(server) == 0, 30)
    assert 19 < time.monotonic() - began < 30
    (row,) = server.rows(
        "SELECT spent, (SELECT count(*) FROM messages WHERE payer = keys.id AND status = 'interrupted' AND held = 0 "
        "AND json_extract(parts, '$[0].text') = 'so far') AS kept FROM keys WHERE credits = 1000"
    )
    assert (row["spent"], row["kept"]) == (100, 100)
    assert [line["attended"] for line in server.log("turn")[-100:]] == [False] * 100
