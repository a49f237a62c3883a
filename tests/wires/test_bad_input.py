"""Whatever body is sent, every wire answers in its own shape, says nothing of its insides, and goes on serving."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.wires import WidgetStream, every_wire

from app.testing.caller import Caller
from app.testing.responses import parse, unharmed
from app.testing.server import script
from app.testing.sockets import connect, read_all, read_until

LIMIT = 262_144  # the default of body_bytes

BODIES = {
    "nothing": b"",
    "white space": b" \n",
    "no JSON": b"hello",
    "a form": b"message=hi&sessionId=x",
    "half an object": b'{"message":"hi"',
    "half a string": b'{"message":"hi',
    "something after the object": b'{"message":"hi","sessionId":"x"}}',
    "two objects": b'{"message":"hi","sessionId":"x"}\n{}',
    "invalid UTF-8": b'{"message":"\xff\xfe","sessionId":"x"}',
    "UTF-16": '{"message":"hi","sessionId":"x"}'.encode("utf-16"),
    "a surrogate in UTF-8": b'{"message":"\xed\xa0\x80","sessionId":"x"}',
    "a raw NUL": b'{"message":"\x00","sessionId":"x"}',
    "a list": b"[]",
    "a list of objects": b'[{"message":"hi"}]',
    "a string": b'"hi"',
    "a number": b"5",
    "a number beyond everything": b"1e999",
    "true": b"true",
    "null": b"null",
    "an empty object": b"{}",
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets, closed": b"[" * 50_000 + b"]" * 50_000,
    "20,000 objects": b'{"message":' * 20_000 + b"1" + b"}" * 20_000,
    "500 brackets for a message": b'{"message":' + b"[" * 500 + b"]" * 500 + b"}",
}

IGNORED = {"an unknown field", "an empty field name", "a field named like Python's insides"}
CHANGES = {
    "an unknown field": lambda body: {**body, "extra": 1},
    "an empty field name": lambda body: {**body, "": 1},
    "a field named like Python's insides": lambda body: {**body, "__class__": {}},
    "a lone surrogate": lambda body: json.loads(json.dumps(body).replace('"hi"', '"\\ud800"')),
    "a lone surrogate for a field's name": lambda body: {**body, "\ud800": 1},
    "NaN": lambda body: {**body, "temperature": float("nan")},
    "Infinity": lambda body: {**body, "temperature": float("-inf")},
    "a missing field": lambda body: dict(list(body.items())[1:]),
    **{
        f"{value!r} for each field": lambda body, value=value: dict.fromkeys(body, value)
        for value in (None, True, 5, 1.5, [], {}, [[]], [None], {"a": "b"}, "")
    },
}

BAD_CHUNKS = {
    "no number": b"zz\r\nhello\r\n0\r\n\r\n",
    "a negative number": b"-1\r\nhello\r\n0\r\n\r\n",
    "a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "an underscore": b"1_0\r\nhello\r\n0\r\n\r\n",
    "nothing": b"\r\nhello\r\n0\r\n\r\n",
    "too small a number": b"2\r\nhello\r\n0\r\n\r\n",
    "control characters": b"5\x00\r\nhello\r\n0\r\n\r\n",
}


@pytest.fixture
def caller(wire, server, key_of) -> Caller:
    return Caller(wire, server, key_of[wire.key_kind])


@pytest.fixture(autouse=True)
def _unharmed(server) -> Iterator[None]:
    with unharmed(server):
        yield


def send(caller: Caller, headers: list[str], body: bytes, *, half_close: bool = False) -> requests.Response:
    """A request with headers of one's own; the answer must come and the connection must then be closed."""
    credentials = [f"{name}: {value}" for name, value in caller.wire.headers(caller.key).items()]
    lines = [f"POST {caller.path} HTTP/1.1", "Host: test", *credentials, *headers, "", ""]
    with connect(caller.server) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return parse(read_all(connection, 5))


JSON = "Content-Type: application/json"


@every_wire
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_request_is_400(caller, name) -> None:
    caller.wire.check_error(caller.post(BODIES[name]), 400)


@every_wire
@pytest.mark.parametrize("name", CHANGES)
def test_a_request_of_another_shape_is_400(caller, name) -> None:
    response = caller.post(json.dumps(CHANGES[name](caller.body("hi"))).encode())
    if caller.wire.ignores_fields and name in IGNORED:
        assert response.status_code == 200
    else:
        caller.wire.check_error(response, 400)


MANY = "The body has more than 20,000 lists and objects"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b'{"prompt":"x","a":[' + b"[]," * 19_998 + b"1]}", "a: Unknown field."),
        (b'{"prompt":"x","a":[' + b"[]," * 19_999 + b"1]}", MANY),
        (b'{"prompt":"x","a":[' + b"1," * 120_000 + b"1]}", "a: Unknown field."),
        (b'{"prompt":"x","a":[' + b'"",' * 80_000 + b"1]}", "a: Unknown field."),
        (b'{"prompt":"x","a":[' + b"[]," * 50_000 + b"1]}", MANY),
        (b'{"prompt":"x","a":' + b"[" * 99 + b"]" * 99 + b"}", "a: Unknown field."),
        (b'{"prompt":"x","a":' + b"[" * 100 + b"]" * 100 + b"}", "The body is nested deeper than 100 levels"),
        (b'{"prompt":"x","a":' + b"[" * 20_001 + b"]" * 20_001 + b"}", "The body is not valid JSON"),
        (b'{"prompt":"' + b',[{\\"' * 30_000 + b'","a":1}', "a: Unknown field."),
        (b'{"prompt":"' + b'\\"' * 100_000 + b",[" * 20_000, "The body is not valid JSON"),
        (b'{"prompt":"' + b'\\",' * 60_000 + b"\\", "The body is not valid JSON"),
    ],
    ids=[
        "as many as may be",
        "more",
        "numbers",
        "texts",
        "lists",
        "as deep as may be",
        "deeper",
        "brackets",
        "in a text",
        "no end of a text",
        "a last backslash",
    ],
)
def test_lists_and_objects_are_counted_and_plain_values_are_not(server, secret_key, written, words) -> None:
    headers = {"Authorization": f"Bearer {secret_key}", "Content-Type": "application/json"}
    started = time.monotonic()
    refused = requests.post(f"{server.url}/api/chat", data=written, headers=headers, timeout=5)
    assert refused.status_code == 400
    assert refused.json()["message"].startswith(words)
    assert time.monotonic() - started < 2


@every_wire
def test_a_byte_order_mark_is_400(caller) -> None:
    caller.wire.check_error(caller.post(b"\xef\xbb\xbf" + json.dumps(caller.body("hi")).encode()), 400)


@every_wire
@pytest.mark.parametrize("text", ["[", "[1]", '[{"text":"\\ud800"}]', '[{"txet":"a"}]', "[" * 3000])
def test_a_script_that_cannot_be_played_is_400(caller, text) -> None:
    caller.wire.check_error(caller.ask(text), 400)


@every_wire
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_413(caller, chunked) -> None:
    body = json.dumps(caller.body(script({"text": "x"}))).encode().ljust(LIMIT)
    for data, status in (body, caller.wire.status), (body + b" ", 413):
        headers = {**caller.wire.headers(caller.key), "Content-Type": "application/json"}
        url = caller.server.url + caller.path
        response = requests.post(url, data=iter([data]) if chunked else data, headers=headers, timeout=5)
        assert response.status_code == status
    caller.wire.check_error(response, 413)


@pytest.mark.timed
@every_wire
@pytest.mark.parametrize("length", [LIMIT + 1, 10 * 1024**3, 10**30])
def test_a_length_beyond_the_limit_is_413_before_the_body_has_come(caller, length) -> None:
    started = time.monotonic()
    with connect(caller.server) as connection:
        key = [f"{name}: {value}" for name, value in caller.wire.headers(caller.key).items()]
        lines = [f"POST {caller.path} HTTP/1.1", "Host: test", JSON, *key, f"Content-Length: {length}", "", ""]
        connection.sendall("\r\n".join(lines).encode() + b'{"mess')
        caller.wire.check_error(parse(read_until(connection, b"}")), 413)
        assert time.monotonic() - started < 0.5, "body_seconds is 1: it did not wait for the body"


@pytest.mark.timed
@every_wire
def test_chunks_beyond_the_limit_are_413_though_no_end_is_in_sight(caller) -> None:
    started = time.monotonic()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    caller.wire.check_error(send(caller, [JSON, "Transfer-Encoding: chunked"], chunk * 5, half_close=True), 413)
    assert time.monotonic() - started < 0.5


@every_wire
def test_a_caller_who_sends_a_large_body_to_its_end_before_reading_sees_413(caller) -> None:
    caller.wire.check_error(caller.post(b" " * 8_000_000), 413)


@every_wire
@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_malformed_chunks_are_400(caller, name) -> None:
    response = send(caller, [JSON, "Transfer-Encoding: chunked"], BAD_CHUNKS[name], half_close=True)
    caller.wire.check_error(response, 400)


@every_wire
@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("Content-Length: 100", b'{"message":"hi"}'),
        ("Content-Length: 1", b""),
        ("Transfer-Encoding: chunked", b"5\r\nhe"),
    ],
)
def test_a_body_that_ends_early_is_400(caller, header, body) -> None:
    caller.wire.check_error(send(caller, [JSON, header, "Connection: close"], body, half_close=True), 400)


@pytest.mark.timed
@every_wire
def test_a_body_that_never_arrives_is_408_and_the_connection_is_closed(caller) -> None:
    unfinished = [
        ("Content-Length: 100", b'{"message":'),
        ("Content-Length: 100", b""),
        ("Transfer-Encoding: chunked", b"5\r\nhe"),
        ("Transfer-Encoding: chunked", b"ffff\r\nhello"),
        ("Transfer-Encoding: chunked", b""),
    ]
    started = time.monotonic()
    with ThreadPoolExecutor(len(unfinished)) as pool:
        responses = list(pool.map(lambda sent: send(caller, [JSON, sent[0]], sent[1]), unfinished))
    assert 0.9 < time.monotonic() - started < 2, "body_seconds is 1"
    for response in responses:
        caller.wire.check_error(response, 408)


@every_wire
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": None},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/json"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
    ids=str,
)
def test_a_body_of_another_type_is_415(caller, headers) -> None:
    response = caller.ask("hi", headers)
    caller.wire.check_error(response, 415)
    assert "Content-Type" in response.text


@every_wire
@pytest.mark.parametrize("coding", ["gzip", "br", "identity"])
def test_an_encoded_body_is_415_in_words_about_the_encoding(caller, coding) -> None:
    response = caller.ask("hi", {"Content-Encoding": coding})
    assert response.status_code == 415
    if not isinstance(caller.wire, WidgetStream):  # which has one sentence for each status
        assert "Content-Encoding" in response.text
        assert "Content-Type" not in response.text


@every_wire
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;"])
def test_json_is_json_however_its_type_is_spelled(caller, content_type) -> None:
    assert caller.ask(script({"text": "x"}), {"Content-Type": content_type}).status_code == caller.wire.status


@every_wire
def test_chunks_of_one_byte_behind_long_extensions_hold_up_nobody(caller) -> None:
    flood = (b"1;a=" + b"x" * 60_000 + b"\r\n \r\n") * 50
    give_up = time.monotonic() + 5
    key = "".join(f"{name}: {value}\r\n" for name, value in caller.wire.headers(caller.key).items())
    head = f"POST {caller.path} HTTP/1.1\r\nHost: x\r\n{JSON}\r\n{key}Transfer-Encoding: chunked\r\n\r\n"

    def pour() -> bool:
        """Whether the server hung up while more was being sent."""
        with connect(caller.server) as connection:
            connection.sendall(head.encode())
            try:
                while time.monotonic() < give_up:
                    connection.sendall(flood)
            except OSError:
                return True
        return False

    with ThreadPoolExecutor(1) as pool:
        poured = pool.submit(pour)
        while not poured.done():
            assert requests.get(f"{caller.server.url}/health", timeout=1).ok
    assert poured.result()
