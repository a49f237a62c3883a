"""The way to Redis: what is refused at the start, how long it may take, and how it is left alone when it fails."""

import logging
import socket
import time
from threading import Event, Thread

import pytest
from support.proxy import delay, freeze, halve, lie, pass_on, reset
from support.redis_server import redis_server

from app.cluster.client import FIRST_PAUSE, WAIT_SECONDS, RedisClient, UnavailableError, why_not_reached
from app.cluster.urls import check_url
from app.testing.model_server import make_certificate

ECHO = "return {tonumber(ARGV[1])}"
WRITE = "redis.call('RPUSH', KEYS[1], 1) return {1}"
PAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nhello"


def echo(client: RedisClient, number: int = 7) -> int:
    return client.run(ECHO, client.key("test", "x"), [number], lambda found: found[0])


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:pass@10.0.0.1:6380/3",
        "redis://[::1]:6379/0",
        "rediss://user:p%40ss@redis.example/0?ssl_ca_certs=/etc/ca.pem",
    ],
)
def test_urls_of_a_redis_are_taken(url) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:6379", "Must begin with redis://"),
        ("http://localhost", "Must begin with redis://"),
        ("unix:///run/redis.sock", "Must begin with redis://"),
        ("redis://", "Names no host"),
        ("redis:///0", "Names no host"),
        ("redis://host:port/0", "Not a URL that can be used"),
        ("redis://host:99999/0", "Not a URL that can be used"),
        ("redis://[::1/0", "Not a URL that can be used"),
        ("redis://host/first", "the number of a database"),
        ("redis://host/-1", "the number of a database"),
        ("redis://host/0?socket_timeout=99", "ssl_ca_certs alone"),
        ("redis://host/0?ssl_ca_certs=/a.pem", "ssl_ca_certs alone"),
        ("rediss://host/0?ssl_cert_reqs=none", "ssl_ca_certs alone"),
        ("redis://host/0#x", "ssl_ca_certs alone"),
    ],
)
def test_what_is_no_url_of_a_redis_is_told_without_its_password(url, why) -> None:
    for each in (url, url.replace("host", "user:hunter2@host")):
        with pytest.raises(ValueError, match=why) as refused:
            check_url(each)
        assert "hunter2" not in str(refused.value)


def test_a_redis_that_answers_may_be_started_with_and_so_may_a_full_one(redis) -> None:
    assert why_not_reached(redis.url) is None
    redis.fill()
    assert why_not_reached(redis.url) is None


def test_what_does_not_answer_as_a_redis_is_told_in_a_line(way) -> None:
    url = f"redis://127.0.0.1:{way.port}/0"
    for answer, why in [
        (lie(PAGE), "it answers as no Redis does"),
        (lie(b"+OK\r\n"), "it answers as no Redis does"),
        (lie(b"-NOPERM no permissions to run it\r\n"), "it refuses: no permissions to run it"),
        (lie(b"-READONLY You can't write against a read only replica.\r\n"), "it refuses: You can't write"),
        (delay(WAIT_SECONDS * 2), "no answer in time"),
    ]:
        way.answer = answer
        assert (why_not_reached(url) or "").startswith(why)


def test_a_wrong_password_and_a_closed_port_are_told_in_a_line(redis) -> None:
    redis.client.config_set("requirepass", "right")
    try:
        assert "Authentication required" in (why_not_reached(redis.url) or "")
        told = why_not_reached(redis.url.replace("//", "//:hunter2@")) or ""
        assert "hunter2" not in told
        assert "invalid username-password pair" in told
        assert why_not_reached(redis.url.replace("//", "//:right@")) is None
    finally:
        redis.client.execute_command("AUTH", "right")
        redis.client.config_set("requirepass", "")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "refused" in (why_not_reached(f"redis://127.0.0.1:{port}/0") or "")


def test_a_start_that_is_refused_has_no_second_line_in_the_log(caplog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert why_not_reached(f"redis://127.0.0.1:{port}/0")
    assert caplog.records == []


def test_a_user_of_redis_who_may_use_no_channel_is_told_at_the_start(redis) -> None:
    allowed = {"enabled": True, "nopass": True, "keys": ["parlance:*"], "commands": ["+@all"]}
    redis.client.acl_setuser("poor", **allowed)
    poor = redis.url.replace("//", "//poor:x@")
    assert "channel" in (why_not_reached(poor) or "")
    redis.client.acl_setuser("poor", **allowed, channels=["parlance:*"])
    assert why_not_reached(poor) is None


def test_over_tls_the_servers_certificate_is_checked(tmp_path) -> None:
    certificate = make_certificate(tmp_path)
    with redis_server(tmp_path, certificate) as encrypted:
        assert why_not_reached(f"rediss://localhost:{encrypted.tls_port}/0?ssl_ca_certs={certificate}") is None
        for url in (
            f"rediss://localhost:{encrypted.tls_port}/0",
            f"rediss://127.0.0.1:{encrypted.tls_port}/0?ssl_ca_certs={certificate}",
        ):
            assert "CERTIFICATE_VERIFY_FAILED" in (why_not_reached(url) or "")
        assert why_not_reached(f"rediss://localhost:{encrypted.tls_port}/0?ssl_ca_certs=/no/such.pem")
        assert why_not_reached(f"rediss://localhost:{encrypted.port}/0?ssl_ca_certs={certificate}")


def test_two_installations_have_no_key_in_common_and_names_cannot_be_read(client) -> None:
    other, again = RedisClient("redis://127.0.0.1", "another"), RedisClient("redis://127.0.0.1", "a secret")
    name = "ada@example.com"
    assert client.key("sign-in", name) == again.key("sign-in", name)
    assert client.key("sign-in", name).split(":")[:3:2] == ["parlance", "sign-in"]
    assert client.key("sign-in", name).split(":")[1] != other.key("sign-in", name).split(":")[1]
    assert client.key("sign-in", name).split(":")[3] != other.key("sign-in", name).split(":")[3]
    assert "ada" not in client.key("sign-in", name)
    assert client.key("limits", name) != client.key("sign-in", name)
    assert client.key("limits", "\ud800") != client.key("limits", "\udfff")


def test_a_question_is_one_trip(client, way) -> None:
    echo(client)
    way.asked.clear()
    assert [echo(client, number) for number in range(5)] == [0, 1, 2, 3, 4]
    assert len(way.asked) == 5


@pytest.mark.timed
@pytest.mark.parametrize("fault", [halve, reset, lie(PAGE), lie(b"*1\r\n" * 50_000), lie(b"$-5\r\n"), lie(b":9\r\n")])
def test_whatever_is_answered_the_next_answer_is_ones_own(client, way, fault) -> None:
    echo(client)
    way.answer = fault
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        echo(client)
    assert time.monotonic() - began < 2 * WAIT_SECONDS
    way.answer = pass_on
    time.sleep(FIRST_PAUSE)
    assert echo(client, 8) == 8


@pytest.mark.timed
def test_an_answer_that_comes_too_late_is_nobodys(client, way) -> None:
    thawed = Event()
    echo(client)
    way.answer = freeze(thawed)
    with pytest.raises(UnavailableError, match="no answer in time"):
        echo(client, 1)
    way.answer = pass_on
    thawed.set()
    time.sleep(FIRST_PAUSE)
    assert [echo(client, number) for number in (2, 3)] == [2, 3]


@pytest.mark.timed
def test_one_that_has_failed_is_left_alone_for_longer_and_longer(client, way, caplog) -> None:
    caplog.set_level(logging.INFO, "app.cluster.client")
    way.answer = reset
    asked = []
    began = time.monotonic()
    while time.monotonic() - began < 3.6:
        known = len(way.asked)
        with pytest.raises(UnavailableError):
            echo(client)
        if len(way.asked) > known:
            asked.append(round(time.monotonic() - began))
        time.sleep(0.01)
    assert asked == [0, 1, 3]
    way.answer = pass_on
    time.sleep(4)
    assert echo(client) == 7
    assert [record.getMessage() for record in caplog.records] == [
        "Redis is of no use: this worker counts alone",
        "Redis is of use again",
    ]


@pytest.mark.timed
def test_of_many_who_come_while_it_is_tried_again_one_waits(client, way) -> None:
    echo(client)
    way.answer = reset
    with pytest.raises(UnavailableError):
        echo(client)
    way.answer = freeze(Event())
    time.sleep(FIRST_PAUSE)
    waited = []

    def ask() -> None:
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            echo(client)
        waited.append(time.monotonic() - began)

    callers = [Thread(target=ask) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len([seconds for seconds in waited if seconds > WAIT_SECONDS / 2]) == 1


def test_a_restart_is_noticed_by_no_question(client, redis) -> None:
    assert echo(client) == 7
    redis.stop()
    redis.start()
    assert echo(client) == 7
    redis.client.script_flush()
    assert echo(client) == 7


def test_a_full_one_is_tried_by_what_writes_alone(client, redis) -> None:
    redis.fill()
    with pytest.raises(UnavailableError, match="full"):
        client.run(WRITE, client.key("test", "x"), [], len)
    time.sleep(FIRST_PAUSE)
    with pytest.raises(UnavailableError, match="full"):
        client.run(ECHO, client.key("test", "x"), [1], len, tries=False)
    redis.make_room()
    assert client.look() is None, "it is what writes, too"
    assert client.run(ECHO, client.key("test", "x"), [1], len, tries=False) == 1
