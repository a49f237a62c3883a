"""GET /metrics of servers that run: every wire's turns, refusals, several workers, those that end, and Prometheus."""

import json
import os
import re
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
from app.testing.server import ROOT, Server, eventually, script
from app.testing.sockets import read_all, read_until

TOKEN = "a-token-of-metrics!"
TWO_WORDS = script({"text": "one "}, {"text": "two"})
ENDLESS = script({"text": "so far"}, {"pause": 60})
NARROW = {"streams_per_key = 250": "streams_per_key = 2"}
LIMITED = {f'{name} = "100000/minute"': f'{name} = "2/minute"' for name in ("workers", "other")}
LOST = """
[models.lost]
provider = "openai"
base_url = "http://127.0.0.1:9/v1"
model = "m"

[agents.lost]
model = "lost"

[webhooks.desk]
url = "http://127.0.0.1:9/"
private = true
secret_env = "DESK_SECRET"
events = ["feedback.negative"]
"""

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def several(running_redis, tmp_path_factory) -> Iterator[Server]:
    """Two workers."""
    env = {
        "PARLANCE_METRICS_TOKEN": TOKEN,
        "WEB_CONCURRENCY": "2",
        "REDIS_URL": running_redis.url,
        "DESK_SECRET": "correct horse battery staple",
    }
    with (
        pytest.MonkeyPatch.context() as commands,  # that run in this process read the configuration too
        Server(tmp_path_factory.mktemp("metrics"), config=CONFIG + LOST, changes=NARROW, env=env) as running,
    ):
        commands.setenv("DESK_SECRET", env["DESK_SECRET"])
        eventually(lambda: len(running.worker_pids()) == 2, 20)
        yield running


@pytest.fixture(scope="module")
def limited(tmp_path_factory) -> Iterator[Server]:
    """One worker, with tight limits, for one host."""
    env = {"PARLANCE_METRICS_TOKEN": TOKEN, "PARLANCE_HOSTS": "127.0.0.1"}
    with Server(tmp_path_factory.mktemp("limited"), changes=LIMITED, env=env) as running:
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


def test_it_is_not_there_where_no_token_is_set(server) -> None:
    answer = scrape(server)
    assert answer.status_code == 404
    assert answer.text == requests.get(f"{server.url}/metric", timeout=5).text
    assert "/metrics" not in requests.get(f"{server.url}/openapi.json", timeout=20).json()["paths"]
    assert not Path(f"{server.database}.workers", "metrics").exists()


def test_the_reference_tells_of_it_where_it_is(several) -> None:
    paths = requests.get(f"{several.url}/openapi.json", timeout=20).json()["paths"]
    assert set(paths["/metrics"]["get"]["responses"]) == {"200", "401"}


@pytest.mark.parametrize(
    "shown", [None, "", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
def test_nobody_sees_it_without_the_token(several, shown) -> None:
    headers = {} if shown is None else {"Authorization": shown.encode()}
    answer = requests.get(f"{several.url}/metrics", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_token_is_in_no_log(several) -> None:
    scrape(several, TOKEN[:-1])
    assert scrape(several).status_code == 200
    assert TOKEN[:-1] not in several.log_text()


@pytest.mark.parametrize("wire", WIRES, ids=repr)
def test_each_wire_counts_its_turn_once(several, wire) -> None:
    asks, before = caller(several, wire), figures(several)
    assert asks.ask(TWO_WORDS).status_code == wire.status
    by_agent = partial(risen, several, before, agent="open", model="scripted")
    assert risen(several, before, "parlance_turns_total") == 1
    assert by_agent("parlance_turns_total", wire=wire.name, outcome="complete") == 1
    assert by_agent("parlance_first_token_seconds_count") == 1
    assert by_agent("parlance_inter_token_seconds_count") == 1
    assert by_agent("parlance_tokens_total", kind="completion") == 2
    assert by_agent("parlance_tokens_total", kind="prompt") > 0
    assert by_agent("parlance_credits_total") == 1


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
def test_a_stream_is_counted_when_it_has_ended(several, wire) -> None:
    asks, before = caller(several, wire), figures(several)
    with asks.open(ENDLESS) as answer:
        read_until(answer, b"so far")
        eventually(lambda: value(figures(several), "parlance_streams") == 1)
        assert risen(several, before, "parlance_turns_total") == 0
    interrupted = partial(risen, several, before, "parlance_turns_total", wire=wire.name, outcome="interrupted")
    eventually(lambda: interrupted() == 1)
    assert risen(several, before, "parlance_inter_token_seconds_count") == 0, "its pauses are not the model's"
    eventually(lambda: value(figures(several), "parlance_streams") == 0)


def test_the_time_between_tokens_is_that_of_the_model(several) -> None:
    steps = [step for number in range(10) for step in ({"text": f"w{number} "}, {"pause": 0.05})]
    asks, before = caller(several), figures(several)
    asks.ask(script({"pause": 0.2}, *steps[:-1]))
    assert 0.05 <= risen(several, before, "parlance_inter_token_seconds_sum") < 0.1
    assert 0.2 <= risen(several, before, "parlance_first_token_seconds_sum") < 1


def test_a_failed_turn_is_counted_with_its_agent(several) -> None:
    asks, before = caller(several, WorkersWhole(), "lost"), figures(several)
    assert asks.ask("hi").status_code == 502
    assert risen(several, before, "parlance_turns_total", agent="lost", model="none", outcome="failed") == 1
    assert risen(several, before, "parlance_refusals_total", wire="workers", reason="upstream_failed") == 1


def test_what_is_refused_is_counted_by_its_reason(several) -> None:
    asks, poor, before = caller(several), caller(several, Workers(), "open", "--credits", "0"), figures(several)
    wrong = Caller(Workers(), several, "wrong")
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
        reason: risen(several, before, "parlance_refusals_total", wire="workers", reason=reason) for reason in expected
    }
    assert found == expected
    assert risen(several, before, "parlance_refusals_total", wire="workers", reason="room") >= statuses[429]
    assert risen(several, before, "parlance_turns_total", wire="workers", outcome="refused") == 1, "who cannot pay"
    requests.get(f"{several.url}/nowhere", timeout=5)
    assert risen(several, before, "parlance_refusals_total", wire="none", reason="not_found") == 1


def test_what_callers_send_is_in_no_label(several) -> None:
    key, made_up = several.key("secret"), "made-up-by-a-caller"
    for path in ("/v1/chat/completions", "/v1/messages", f"/{made_up}", f"/api/v2/agents/{made_up}/chat"):
        body = {"model": made_up, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
        requests.post(f"{several.url}{path}", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert made_up not in scrape(several).text


def test_each_figure_that_is_registered_is_told_and_no_other(several) -> None:
    caller(several).ask(TWO_WORDS)
    eventually(lambda: value(figures(several), "parlance_database_calls_total", kind="write") > 0)
    families = {each.name: each for each in text_string_to_metric_families(scrape(several).text)}
    told = {name: (each.type, each.documentation, labels(each)) for name, each in families.items()}
    assert told == {
        each.name.removesuffix("_total"): (each.type, each.meaning.replace("\n", " "), set(each.labels))
        for each in METRICS
    }


def labels(family) -> set[str]:
    return {name for sample in family.samples for name in sample.labels} - {"le"}


def test_gauges_are_of_all_workers(several) -> None:
    found = figures(several)
    assert value(found, "parlance_redis_used") == 1
    assert value(found, "parlance_build_info") == 1
    assert value(found, "parlance_circuit_open") == 0
    assert value(found, "parlance_database_waiting") == 0
    assert value(found, "parlance_worker_start_time_seconds") > 1.7e9


def test_any_worker_tells_the_sum(several) -> None:
    asks, before = caller(several, WorkersWhole()), figures(several)
    for _ in range(12):  # each on a connection of its own
        assert asks.ask(TWO_WORDS).status_code == 200
    assert {risen(several, before, "parlance_turns_total") for _ in range(12)} == {12}
    assert len(list(Path(f"{several.database}.workers", "metrics").glob("counter_*.db"))) == 2


def test_neither_a_reload_nor_a_kill_loses_or_adds_anything(several) -> None:
    asks, before = caller(several, WorkersWhole()), figures(several)
    with caller(several).open(ENDLESS) as answer:
        read_until(answer, b"so far")
        assert asks.ask(TWO_WORDS).status_code == 200
        old = several.worker_pids()
        assert several.flask_program("reload").returncode == 0
        assert asks.ask(TWO_WORDS).status_code == 200
        assert value(figures(several), "parlance_streams") in {0, 1}, "the old worker ends it within two seconds"
        read_all(answer, 20)
    eventually(lambda: not set(old) & set(several.worker_pids()), 20)
    assert risen(several, before, "parlance_turns_total", outcome="complete") == 2
    assert risen(several, before, "parlance_turns_total", outcome="interrupted") == 1
    with caller(several).open(ENDLESS) as answer:
        read_until(answer, b"so far")
        eventually(lambda: value(figures(several), "parlance_streams") == 1)
        killed = several.worker_pids()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(set(several.worker_pids()) - set(killed)) == 2, 20)
    assert value(figures(several), "parlance_streams") == 0, "of dead workers no gauge is left"
    assert risen(several, before, "parlance_turns_total", outcome="complete") == 2
    assert len(list(Path(f"{several.database}.workers", "metrics").glob("counter_*.db"))) <= 4


def test_a_rate_limit_is_another_reason_than_want_of_room(limited) -> None:
    asks, before = caller(limited, WorkersWhole()), figures(limited)
    statuses = [asks.ask(TWO_WORDS).status_code for _ in range(4)]
    assert statuses[2:] == [429, 429]
    refused = partial(risen, limited, before, "parlance_refusals_total", wire="workers")
    assert (refused(reason="limit"), refused()) == (statuses.count(429), statuses.count(429))


def test_it_is_asked_for_by_any_name_and_never_limited(limited) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "parlance.internal"}
    answers = [requests.get(f"{limited.url}/metrics", headers=headers, timeout=5) for _ in range(5)]
    assert {each.status_code for each in answers} == {200}


def test_a_new_server_counts_from_zero(limited) -> None:
    caller(limited, WorkersWhole()).ask(TWO_WORDS)
    assert value(figures(limited), "parlance_turns_total") > 0
    limited.stop()
    limited.start()
    assert value(figures(limited), "parlance_turns_total") == 0


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian's package prometheus)")
def test_promtool_has_nothing_to_say(several) -> None:
    caller(several).ask(TWO_WORDS)
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape(several).content, capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian's package prometheus)")
def test_the_documented_configuration_and_rules_are_good(tmp_path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    found = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (scraping,), (rules,) = ([each for each in found if each.startswith(key)] for key in ("scrape_configs", "groups"))
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "prometheus.yml").write_text(
        scraping.replace("/etc/prometheus/parlance-token", str(tmp_path / "token"))
    )
    (tmp_path / "rules.yml").write_text(rules)
    for kind in (("config", tmp_path / "prometheus.yml"), ("rules", tmp_path / "rules.yml")):
        ran = subprocess.run(["promtool", "check", *kind], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    names = {suffixed for each in METRICS for suffixed in (each.name, f"{each.name}_bucket")}
    assert set(re.findall(r"parlance_\w+", rules)) <= names


@pytest.fixture
def prometheus(several, tmp_path) -> Iterator[str]:
    """Debian's, which scrapes the server; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    job = {
        "job_name": "parlance",
        "authorization": {"credentials": TOKEN},
        "static_configs": [{"targets": [f"127.0.0.1:{several.port}"]}],
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
def test_prometheus_scrapes_it(several, prometheus) -> None:
    caller(several).ask(TWO_WORDS)
    counted = value(figures(several), "parlance_turns_total", wire="workers", outcome="complete")
    query = {"query": 'sum(parlance_turns_total{wire="workers",outcome="complete"})'}

    def answer() -> float:
        try:
            found = requests.get(f"{prometheus}/api/v1/query", params=query, timeout=5).json()["data"]["result"]
        except (requests.ConnectionError, KeyError):
            return 0
        return float(found[0]["value"][1]) if found else 0

    eventually(lambda: answer() == counted, 30)  # it may have scraped before the question, too
