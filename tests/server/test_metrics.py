"""GET /metrics of servers that run: every wire's turns, refusals, several workers, those that end, and Prometheus."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from support.wires import STREAMS, WIRES, Workers, WorkersWhole

from app.metrics.registry import METRICS
from app.testing.caller import Caller
from app.testing.configuration import CONFIG
from app.testing.server import Server, eventually, script
from app.testing.sockets import read_all, read_until

TOKEN = "a-token-of-metrics!"
TWO_WORDS = script({"text": "one "}, {"text": "two"})
ENDLESS = script({"text": "so far"}, {"pause": 60})
NARROW = {"streams_per_key = 250": "streams_per_key = 2"}
LOST = '\n[models.lost]\nprovider = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n[agents.lost]\nmodel = "lost"\n'

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def server(running_redis, tmp_path_factory) -> Iterator[Server]:
    """Two workers."""
    env = {"PARLANCE_METRICS_TOKEN": TOKEN, "WEB_CONCURRENCY": "2", "REDIS_URL": running_redis.url}
    with Server(tmp_path_factory.mktemp("metrics"), config=CONFIG + LOST, changes=NARROW, env=env) as running:
        eventually(lambda: len(running.worker_pids()) == 2, 20)
        yield running


def scrape(server: Server, token: str = TOKEN) -> requests.Response:
    return requests.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=10)


def figures(server: Server) -> Figures:
    answer = scrape(server)
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(found: Figures, name: str, **labels: str) -> float:
    """The sum of all series of that name that have these labels."""
    return sum(count for (each, own), count in found.items() if each == name and own >= frozenset(labels.items()))


def risen(server: Server, before: Figures, name: str, **labels: str) -> float:
    return value(figures(server), name, **labels) - value(before, name, **labels)


def caller(server: Server, wire=WIRES[0], agent: str = "open", *options: str) -> Caller:
    return Caller(wire, server, server.key(wire.key_kind, agent, *options))


def test_it_is_not_there_where_no_token_is_set(start) -> None:
    off = start()
    answer = scrape(off)
    assert answer.status_code == 404
    assert answer.text == requests.get(f"{off.url}/metric", timeout=5).text
    assert "/metrics" not in requests.get(f"{off.url}/openapi.json", timeout=20).json()["paths"]
    assert not Path(f"{off.database}.workers", "metrics").exists()


@pytest.mark.parametrize(
    "shown", [None, "", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
def test_nobody_sees_it_without_the_token(server, shown) -> None:
    headers = {} if shown is None else {"Authorization": shown.encode()}
    answer = requests.get(f"{server.url}/metrics", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_token_is_in_no_log_and_in_no_program_of_tools(server) -> None:
    scrape(server, TOKEN[:-1])
    assert scrape(server).status_code == 200
    assert TOKEN[:-1] not in server.log_text()


@pytest.mark.parametrize("wire", WIRES, ids=repr)
def test_each_wire_counts_its_turn_once(server, wire) -> None:
    asks, before = caller(server, wire), figures(server)
    assert asks.ask(TWO_WORDS).status_code == wire.status
    by_agent = partial(risen, server, before, agent="open", model="scripted")
    assert risen(server, before, "parlance_turns_total") == 1
    assert by_agent("parlance_turns_total", wire=wire.name, outcome="complete") == 1
    assert by_agent("parlance_first_token_seconds_count") == 1
    assert by_agent("parlance_inter_token_seconds_count") == 1
    assert by_agent("parlance_tokens_total", kind="completion") == 2
    assert by_agent("parlance_tokens_total", kind="prompt") > 0
    assert by_agent("parlance_credits_total") == 1


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
def test_a_stream_is_counted_when_it_has_ended(server, wire) -> None:
    asks, before = caller(server, wire), figures(server)
    with asks.open(ENDLESS) as answer:
        read_until(answer, b"so far")
        eventually(lambda: value(figures(server), "parlance_streams") == 1)
        assert risen(server, before, "parlance_turns_total") == 0
    interrupted = partial(risen, server, before, "parlance_turns_total", wire=wire.name, outcome="interrupted")
    eventually(lambda: interrupted() == 1)
    assert risen(server, before, "parlance_inter_token_seconds_count") == 0, "its pauses are not the model's"
    eventually(lambda: value(figures(server), "parlance_streams") == 0)


def test_the_time_between_tokens_is_that_of_the_model(server) -> None:
    steps = [step for number in range(10) for step in ({"text": f"w{number} "}, {"pause": 0.05})]
    asks, before = caller(server), figures(server)
    asks.ask(script({"pause": 0.2}, *steps[:-1]))
    assert 0.05 <= risen(server, before, "parlance_inter_token_seconds_sum") < 0.1
    assert 0.2 <= risen(server, before, "parlance_first_token_seconds_sum") < 1


def test_a_failed_turn_is_counted_with_its_agent(server) -> None:
    asks, before = caller(server, WorkersWhole(), "lost"), figures(server)
    assert asks.ask("hi").status_code == 502
    assert risen(server, before, "parlance_turns_total", agent="lost", model="none", outcome="failed") == 1
    assert risen(server, before, "parlance_refusals_total", wire="workers", reason="upstream_failed") == 1


def test_what_is_refused_is_counted_by_its_reason(server) -> None:
    asks, poor, before = caller(server), caller(server, Workers(), "open", "--credits", "0"), figures(server)
    wrong = Caller(Workers(), server, "wrong")
    assert wrong.ask("hi").status_code == 401
    assert asks.post({"messages": 1}).status_code == 400
    assert asks.post(b"{").status_code == 400
    assert asks.post({"messages": [{"role": "user", "content": "x" * 400_000}]}).status_code == 413
    assert poor.ask("hi").status_code == 402
    with ExitStack() as stack:
        for _ in range(4):  # two at each worker; others are refused
            read_until(stack.enter_context(asks.open(ENDLESS)), b"\r\n\r\n")
        statuses = Counter(asks.ask("hi").status_code for _ in range(4))
        assert statuses[429] > 0
    expected = {"credential": 1, "bad_input": 2, "too_large": 1, "budget": 1}
    found = {
        reason: risen(server, before, "parlance_refusals_total", wire="workers", reason=reason) for reason in expected
    }
    assert found == expected
    assert risen(server, before, "parlance_refusals_total", wire="workers", reason="room") >= statuses[429]
    assert risen(server, before, "parlance_turns_total", wire="workers", outcome="refused") == 1, "who cannot pay"
    requests.get(f"{server.url}/nowhere", timeout=5)
    assert risen(server, before, "parlance_refusals_total", wire="none", reason="not_found") == 1


def test_a_rate_limit_is_another_reason_than_want_of_room(start) -> None:
    narrow = start(changes={'workers = "100000/minute"': 'workers = "1/minute"'}, env={"PARLANCE_METRICS_TOKEN": TOKEN})
    asks = caller(narrow)
    assert [asks.ask("hi").status_code for _ in range(3)] == [200, 429, 429]
    assert value(figures(narrow), "parlance_refusals_total", wire="workers", reason="limit") == 2
    assert value(figures(narrow), "parlance_refusals_total", reason="room") == 0


def test_what_callers_send_is_in_no_label(server) -> None:
    key, made_up = server.key("secret"), "made-up-by-a-caller"
    for path in ("/v1/chat/completions", "/v1/messages", f"/{made_up}", f"/api/v2/agents/{made_up}/chat"):
        body = {"model": made_up, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
        requests.post(f"{server.url}{path}", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert made_up not in scrape(server).text


def test_each_figure_that_is_registered_is_told_and_no_other(server) -> None:
    caller(server).ask(TWO_WORDS)
    eventually(lambda: value(figures(server), "parlance_database_calls_total", kind="write") > 0)
    families = {each.name: each for each in text_string_to_metric_families(scrape(server).text)}
    told = {name: (each.type, each.documentation, labels(each)) for name, each in families.items()}
    assert told == {
        each.name.removesuffix("_total"): (each.type, each.meaning.replace("\n", " "), set(each.labels))
        for each in METRICS
    }


def labels(family) -> set[str]:
    return {name for sample in family.samples for name in sample.labels} - {"le"}


def test_gauges_are_of_all_workers(server) -> None:
    found = figures(server)
    assert value(found, "parlance_redis_used") == 1
    assert value(found, "parlance_build_info") == 1
    assert value(found, "parlance_circuit_open") == 0
    assert value(found, "parlance_database_waiting") == 0
    assert value(found, "parlance_worker_start_time_seconds") > 1.7e9


def test_any_worker_tells_the_sum(server) -> None:
    asks, before = caller(server, WorkersWhole()), figures(server)
    for _ in range(12):  # each on a connection of its own
        assert asks.ask(TWO_WORDS).status_code == 200
    assert {risen(server, before, "parlance_turns_total") for _ in range(12)} == {12}
    assert len(list(Path(f"{server.database}.workers", "metrics").glob("counter_*.db"))) == 2


def test_neither_a_reload_nor_a_kill_loses_or_adds_anything(server) -> None:
    asks, before = caller(server, WorkersWhole()), figures(server)
    with caller(server).open(ENDLESS) as answer:
        read_until(answer, b"so far")
        assert asks.ask(TWO_WORDS).status_code == 200
        old = server.worker_pids()
        assert server.flask_program("reload").returncode == 0
        assert asks.ask(TWO_WORDS).status_code == 200
        assert value(figures(server), "parlance_streams") in {0, 1}, "the old worker ends it within two seconds"
        read_all(answer, 20)
    eventually(lambda: not set(old) & set(server.worker_pids()), 20)
    assert risen(server, before, "parlance_turns_total", outcome="complete") == 2
    assert risen(server, before, "parlance_turns_total", outcome="interrupted") == 1
    with caller(server).open(ENDLESS) as answer:
        read_until(answer, b"so far")
        eventually(lambda: value(figures(server), "parlance_streams") == 1)
        killed = server.worker_pids()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(set(server.worker_pids()) - set(killed)) == 2, 20)
    assert value(figures(server), "parlance_streams") == 0, "of dead workers no gauge is left"
    assert risen(server, before, "parlance_turns_total", outcome="complete") == 2
    assert len(list(Path(f"{server.database}.workers", "metrics").glob("counter_*.db"))) <= 4


def test_a_new_server_counts_from_zero(start) -> None:
    counted = start(env={"PARLANCE_METRICS_TOKEN": TOKEN})
    caller(counted).ask(TWO_WORDS)
    assert value(figures(counted), "parlance_turns_total") == 1
    counted.stop()
    counted.start()
    assert value(figures(counted), "parlance_turns_total") == 0


def test_it_is_asked_for_by_address_and_never_limited(start) -> None:
    env = {"PARLANCE_METRICS_TOKEN": TOKEN, "PARLANCE_HOSTS": "chat.example.com"}
    narrow = start(changes={'other = "100000/minute"': 'other = "2/minute"'}, env=env)
    assert {scrape(narrow).status_code for _ in range(5)} == {200}


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian's package prometheus)")
def test_promtool_has_nothing_to_say(server) -> None:
    caller(server).ask(TWO_WORDS)
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape(server).content, capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.fixture
def prometheus(server, tmp_path) -> Iterator[str]:
    """Debian's, which scrapes the server; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    job = {
        "job_name": "parlance",
        "authorization": {"credentials": TOKEN},
        "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}],
    }
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    yield f"http://{address}"
    process.kill()
    process.wait(10)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs Debian's package prometheus")
def test_prometheus_scrapes_it(server, prometheus) -> None:
    caller(server).ask(TWO_WORDS)
    counted = value(figures(server), "parlance_turns_total", wire="workers", outcome="complete")
    query = {"query": 'sum(parlance_turns_total{wire="workers",outcome="complete"})'}

    def answer() -> float:
        try:
            found = requests.get(f"{prometheus}/api/v1/query", params=query, timeout=5).json()["data"]["result"]
        except (requests.ConnectionError, KeyError):
            return 0
        return float(found[0]["value"][1]) if found else 0

    assert eventually(answer, 30) == counted
