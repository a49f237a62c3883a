"""`parlance doctor`: an installation with mistakes, and a real nginx that is configured wrongly, or as documented."""

import socket

import orjson
import pytest
import requests
from itsdangerous import URLSafeTimedSerializer
from support.nginx import Front, documented, needs_nginx, nginx

from app.settings.secret import secret_key
from app.testing.server import Server
from app.web.doctor import doctor_token

GOOD = """proxy_http_version 1.1; proxy_set_header Host $host; proxy_buffering off; gzip off; client_max_body_size 512k;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;"""
DEAF = "proxy_ignore_headers X-Accel-Buffering;"
WRONG = {
    "buffering": f"{GOOD.replace('buffering off', 'buffering on').replace('1.1', '1.0')} {DEAF}",
    "compression": GOOD.replace("gzip off", "gzip on; gzip_proxied any; gzip_types text/event-stream"),
    "cut": GOOD + "proxy_read_timeout 1s;",
    "body size": GOOD.replace("512k", "16k"),
    "forwarded": GOOD.replace("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", ""),
    "hops": GOOD.replace("$proxy_add_x_forwarded_for", '"198.51.100.7, $remote_addr"'),
    "upstream protocol": GOOD.replace("proxy_http_version 1.1;", "proxy_http_version 1.0;"),
    "host": GOOD.replace("$host", "other.example"),
}
CURES = {
    "buffering": "proxy_buffering off;",
    "compression": "gzip off;",
    "cut": "proxy_read_timeout 300s;",
    "body size": "client_max_body_size 512k;",
    "forwarded": "X-Forwarded-For $proxy_add_x_forwarded_for;",
    "hops": "PARLANCE_TRUSTED_HOPS=2",
    "upstream protocol": "proxy_http_version 1.1;",
    "host": "proxy_set_header Host $host;",
}
PLACE = "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {target}; {directives} }} }}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("doctor"), env={"PARLANCE_TRUSTED_HOPS": "1"}) as server:
        yield server


@pytest.fixture(scope="module")
def fronts(served, tmp_path_factory):
    fronts = {name: Front() for name in (*WRONG, "documented")}
    servers = [PLACE.format(port=fronts[name].port, target=served.url, directives=more) for name, more in WRONG.items()]
    servers.append(documented(fronts["documented"], [f"127.0.0.1:{served.port}"]))
    with nginx(tmp_path_factory.mktemp("nginx"), *servers, fronts=[*fronts.values()]):
        yield fronts


def examined(server: Server, *options: str) -> dict[str, dict[str, str]]:
    ran = server.flask("doctor", *options, "--json", check=False)
    found = orjson.loads(ran.stdout)
    assert ran.returncode == (1 if found else 0)
    return {each["check"]: each for each in found}


@needs_nginx
@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_proxy_does_wrong_is_named_with_its_cure(served, fronts, wrong) -> None:
    found = examined(served, "--url", fronts[wrong].url)
    with_it = (
        {"upstream protocol"} if wrong == "buffering" else set()
    )  # nginx 1.22 passes on the chunks of 1.1 all the same
    assert {*found} == {wrong} | with_it
    assert CURES[wrong] in found[wrong]["cure"]
    if wrong not in ("hops", "upstream protocol", "host"):
        assert "Server: nginx" in found[wrong]["problem"]


@needs_nginx
def test_nothing_is_wrong_with_the_documented_configuration(served, fronts) -> None:
    url = f"http://localhost:{fronts['documented'].port}"
    assert examined(served, "--url", url, "--direct", served.url) == {}


def test_a_server_that_is_not_there_is_told(served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ran = served.flask("doctor", "--url", f"http://127.0.0.1:{port}", check=False)
    assert ran.returncode == 1
    assert ran.stdout.startswith(f"way: http://127.0.0.1:{port} cannot be asked: ")


def test_an_installation_without_a_database_and_with_an_open_secret_is_told(configured) -> None:
    server = configured()
    home = server.home / "instance"
    secret_key(home)
    (home / "secret_key").chmod(0o644)
    found = examined(server)
    assert {*found} == {"database", "permissions"}
    assert found["permissions"]["cure"] == f"chmod 600 {home}/secret_key"


def test_a_home_folder_that_does_not_exist_is_told_and_not_made(configured) -> None:
    server = configured()
    home = server.home / "instance"
    for options in ((), ("--url", "http://127.0.0.1:1", "--direct", "http://127.0.0.1:1")):
        found = examined(server, *options)
        assert {*found} == {"home", "database"} | ({"way"} if options else set())
        assert found["home"]["problem"] == f"{home} does not exist"
        assert not home.exists()
    assert found["way"]["problem"].endswith(f"{home}/secret_key does not exist")


def test_a_secret_that_does_not_exist_is_told_and_not_made(configured) -> None:
    server = configured()
    server.make_database()
    assert {*examined(server, "--url", "http://127.0.0.1:1")} == {"way"}
    assert not (server.home / "instance" / "secret_key").exists()


def test_models_are_asked_where_that_is_wanted(configured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lost = f'[models.lost]\nprovider = "openai"\nbase_url = "http://127.0.0.1:{port}/v1"\nmodel = "m"\n\n[agents.open] '
    server = configured(changes={"[agents.open] ": lost})
    server.flask("prepare")
    assert examined(server) == {}
    found = examined(server, "--models")
    assert {*found} == {"model lost"}
    assert "refused" in found["model lost"]["problem"].lower()


def test_the_known_answer_is_for_those_alone_who_have_the_secret(served) -> None:
    secret = secret_key(served.home / "instance")
    other = URLSafeTimedSerializer(secret, salt="parlance").dumps({"lines": 1, "silence": 0})
    for token in ("", "x", doctor_token("o" * 40, 1, 0), other):
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.post(f"{served.url}/doctor", headers=headers, timeout=5).status_code == 404
    headers = {"Authorization": f"Bearer {doctor_token(secret, 2, 0)}"}
    answer = requests.post(f"{served.url}/doctor", data=b"1234", headers=headers, timeout=5)
    events = [orjson.loads(each.removeprefix("data: ")) for each in answer.text.split("\n\n")[:-1]]
    assert events[0]["seen"]["body_bytes"] == 4
    assert [event.get("line") for event in events[1:3]] == [0, 1]
    assert events[3] == {"end": True}
