"""`flask knowledge ask`: what an agent would answer from, and why."""

import re

import pytest
import requests
from support.embeddings import EmbeddingServer

from app.testing.configuration import CONFIG

CLINIC = """---
url: https://example.com/clinic
---
# Clinic

The attorney is in on Mondays.

## Pets

Dogs wait outside.
"""
EMBEDDINGS = """
[models.embed]
provider = "openai"
model = "m"
base_url = "{url}/v1"
timeouts = {{ connect = 1, first_token = 1 }}

[limits]"""


@pytest.fixture
def clinic(tmp_path):
    (tmp_path / "clinic.md").write_text(CLINIC)
    return {'knowledge = ["knowledge/*.md"]\npublic': f'knowledge = ["{tmp_path}/*.md"]\npublic'}


def test_passages_are_printed_with_what_they_were_found_by(configured, clinic) -> None:
    server = configured(changes=clinic)
    ran = server.flask("knowledge", "ask", "May I bring my dogs?")
    assert ran.stderr == ""
    place, sure, words, text = ran.stdout.splitlines()
    assert place.startswith("Clinic > ")
    assert "Pets  https://example.com/clinic" in place
    assert re.fullmatch(r"    (sure|not sure): [01]\.\d\d, where the built-in model answers from 0\.\d\d on", sure)
    assert re.match(r"    words: number 1, score \d+\.\d\d: dogs: dog in text ", words)
    assert text == "    Dogs wait outside."


def test_where_there_is_nothing_it_says_so(configured, clinic) -> None:
    server = configured(changes=clinic)
    for agent, question in (("open", "submarines"), ("open", ""), ("open", "\x00"), ("frank", "dogs")):
        ran = server.flask("knowledge", "ask", question, "--agent", agent)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", f"Nothing is found in what {agent!r} knows.\n")
    unknown = server.flask("knowledge", "ask", "dogs", "--agent", "nobody", check=False)
    assert unknown.returncode == 2
    assert "There is no agent 'nobody'" in unknown.stderr


def test_it_sees_what_has_changed_beside_a_running_server_that_sees_it_too(configured, clinic, tmp_path) -> None:
    server = configured(changes=clinic)
    with server:
        (tmp_path / "news.md").write_text("# News\n\nWe have llamas.\n")
        assert "We have llamas." in server.flask("knowledge", "ask", "llamas").stdout
        assert requests.get(f"{server.url}/health", timeout=5).ok
    assert "Traceback" not in server.log_text()


def test_files_that_cannot_be_read_are_named_and_the_others_are_found(configured, clinic, tmp_path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    server = configured(changes={next(iter(clinic)): f'knowledge = ["{tmp_path}/*.*"]\npublic'})
    ran = server.flask("knowledge", "ask", "dogs")
    assert "Dogs wait outside." in ran.stdout
    assert f"{tmp_path}/broken.pdf cannot be read: " in ran.stderr


def test_meaning_finds_what_words_do_not_and_where_the_model_is_gone_words_do(configured, clinic) -> None:
    with EmbeddingServer() as model:
        config = CONFIG.replace("\n[limits]", EMBEDDINGS.format(url=model.url))
        changes = {**clinic, "public = true": 'public = true\nembeddings = "embed"'}
        server = configured(config=config, changes=changes)
        ran = server.flask("knowledge", "ask", "Is there a surgery?")
        assert "The attorney is in on Mondays." in ran.stdout
        assert re.search(
            r"^    not sure: 0\.00, .*\n    meaning: number 1, cosine [01]\.\d\d$", ran.stdout, re.MULTILINE
        )
        assert ran.stderr == ""
    ran = server.flask("knowledge", "ask", "Is there a attorney?")
    assert re.search(r"^    words: number 1", ran.stdout, re.MULTILINE)
    assert "meaning:" not in ran.stdout
