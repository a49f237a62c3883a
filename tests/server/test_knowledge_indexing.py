"""Indexing beside a real server: answers keep their pace, and what cannot be read or written is told once."""

import os
import random
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from support.agents import Client
from support.embeddings import EmbeddingServer

from app.testing.configuration import CONFIG
from app.testing.model_server import SlowBytes, whole
from app.testing.server import Server, eventually, script


def configuration(folder: Path) -> str:
    return CONFIG.replace('knowledge = ["knowledge/*.md"]', f'knowledge = ["{folder}"]')


def write_manual(folder: Path, megabytes: float) -> None:
    """Pages of made-up words, in sections."""
    chance = random.Random(14)
    words = ["".join(chance.choices("aeiounrstlm", k=chance.randint(3, 11))) for _ in range(30_000)]
    for page in range(int(megabytes * 20)):
        sections = [f"## Part {page}.{number}\n\n{' '.join(chance.choices(words, k=100))}\n" for number in range(67)]
        (folder / f"page-{page}.md").write_text(f"# Page {page}\n\n" + "\n".join(sections))


def told(server: Server, message: str) -> list[dict[str, object]]:
    return [line for line in server.log() if line["message"].startswith(message)]


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "tea.md").write_text("# Tea\n\nGreen tea comes from Uji.\n")
    return folder


@pytest.mark.timed
def test_a_stream_keeps_its_pace_while_five_megabytes_are_indexed_beside(tmp_path, site) -> None:
    with Server(tmp_path / "server", config=configuration(site)) as server:
        client = Client(server, server.key("secret", "open"))
        eventually(lambda: told(server, "knowledge is indexed"), 20)
        with client.open(script({"text": "token ", "times": 6000, "every": 0.01})) as stream:
            stream.settimeout(10)
            write_manual(site, 5)
            arrivals: list[float] = []
            while len(told(server, "knowledge is indexed")) < 2:
                until = time.monotonic() + 0.5  # the log is not read again with each token
                while time.monotonic() < until:
                    assert stream.recv(65536)
                    arrivals.append(time.monotonic())
        built = told(server, "knowledge is indexed")[1]
        assert (built["files"], built["passages"]) == (101, 100 * 67 + 1)
        assert keeps_its_pace(arrivals)


def keeps_its_pace(arrivals: list[float]) -> bool:
    """Whether tokens that are sent each 0.01 seconds came like that at these times."""
    gaps = sorted(after - before for before, after in pairwise(arrivals))
    assert len(gaps) > 100
    return statistics.median(gaps) < 0.015 and gaps[int(len(gaps) * 0.99)] < 0.05


def test_a_worker_that_is_held_up_for_a_moment_now_and_then_does_not_keep_its_pace(tmp_path, site) -> None:
    """Otherwise the test above would find nothing."""
    with Server(tmp_path / "server", config=configuration(site)) as server:
        client = Client(server, server.key("secret", "open"))
        with client.open(script({"text": "token ", "times": 1000, "every": 0.01})) as stream:
            stream.settimeout(10)
            arrivals: list[float] = []
            while len(arrivals) < 200:
                assert stream.recv(65536)
                arrivals.append(time.monotonic())
                if len(arrivals) % 20 == 0:
                    os.kill(server.worker_pid(), signal.SIGSTOP)
                    time.sleep(0.08)
                    os.kill(server.worker_pid(), signal.SIGCONT)
        assert not keeps_its_pace(arrivals)


def test_what_cannot_be_read_is_told_once_and_again_when_it_has_changed(tmp_path, site) -> None:
    (site / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    with Server(tmp_path / "server", config=configuration(site)) as server:
        refused = f"a file of knowledge cannot be read: {site}/broken.pdf: "
        eventually(lambda: told(server, refused), 20)
        for number in range(2):
            (site / "news.md").write_text(f"# News\n\nNumber {number}.\n")
            eventually(lambda number=number: len(told(server, "knowledge is indexed")) == number + 2, 20)
        assert len(told(server, refused)) == 1
        (site / "broken.pdf").write_bytes(b"%PDF-1.7 broken otherwise")
        eventually(lambda: len(told(server, refused)) == 2, 20)
        server.stop()
        server.start()
        eventually(lambda: len(told(server, refused)) == 3, 20)
        assert len(told(server, "knowledge is indexed")) == 4, "the start found what was there"


def test_a_worker_that_dies_takes_its_builds_along_and_the_next_one_builds(tmp_path, site) -> None:
    with Server(tmp_path / "server", config=configuration(site)) as server:
        eventually(lambda: told(server, "knowledge is indexed"), 20)
        write_manual(site, 2)
        worker = server.worker_pid()
        (building,) = eventually(lambda: builders(worker), 20)
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{building}").exists() or is_dead(building), 20)
        eventually(lambda: len(told(server, "knowledge is indexed")) == 2, 60)


def builders(worker: int) -> list[int]:
    """Processes that index for it."""
    children = [
        int(pid) for task in Path(f"/proc/{worker}/task").iterdir() for pid in (task / "children").read_text().split()
    ]
    return [pid for pid in children if b"knowledge.building.process_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def is_dead(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


EMBEDDINGS = """
[models.meaning]
provider = "openai"
model = "m"
base_url = "{url}/v1"
timeouts = {{ first_token = 2 }}

[limits]"""
HUGE = whole(b'{"data": [{"index": 0, "embedding": [' + b"0.0123456789," * 2_500_000 + b"0]}]}")
SLOW = [SlowBytes(b"HTTP/1.1 200 OK\r\n" + b"x-slow: y\r\n" * 40, 400)]


@pytest.mark.timed
def test_whatever_an_embedding_server_sends_questions_do_not_wait_and_streams_keep_their_pace(tmp_path, site) -> None:
    with EmbeddingServer() as model:
        config = configuration(site).replace("\n[limits]", EMBEDDINGS.format(url=model.url))
        changes = {'name = "Site"': 'name = "Site"\nembeddings = "meaning"'}
        with Server(tmp_path / "server", config=config, changes=changes) as server:
            open_client, client = Client(server, server.key("secret", "open")), Client.new(server, "site")
            eventually(lambda: told(server, "knowledge is embedded"), 30)
            with open_client.open(script({"text": "token ", "times": 3000, "every": 0.01})) as stream:
                stream.settimeout(10)
                for number, (answer, seconds) in enumerate([(HUGE, 2.0), (SLOW, 3.0), (whole(b"<html>"), 2.0)]):
                    model.failing = [answer]
                    with ThreadPoolExecutor(1) as pool:
                        begun = time.monotonic()
                        asked = pool.submit(client.ask, f"Where does tea of the year {number} come from?")
                        arrivals = [begun]
                        while not asked.done() or len(arrivals) < 50:
                            assert stream.recv(65536)
                            arrivals.append(time.monotonic())
                        assert asked.result()["parts"]
                    assert max(after - before for before, after in pairwise(arrivals)) < 0.5, number
                    assert arrivals[-1] - begun < seconds
                    client.ask(f"Where does the tea of the year {number} come from, again?")  # one failure is none
        words = "a question is answered by its words alone: "
        assert [str(line["message"]).removeprefix(words)[:20] for line in told(server, words)] == [
            "sent what are no 1 v",
            "no answer within 2 s",
            "sent what are no 1 v",
        ]
