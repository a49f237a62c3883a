"""The documentation as a small site of Markdown: pages are reached, what they name exists, generated files are current,
examples load, and what a deployment copies suffices."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.configuration import load_configuration
from app.engine.agent import Agent
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import build
from app.knowledge.search import KnowledgeSearch
from app.testing.server import BIN, ROOT
from docs.generate import KNOWLEDGE, generated

PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "tests" / "README.md",
    ROOT / "tests" / "torture" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]

NOW = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which tells of what was

EXAMPLE = re.compile("plain|shop")  # the wire and the knowledge that pages make as their examples

EXAMPLES = [
    example
    for page in ("configuration.md", "models.md", "webhooks.md")
    for example in re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
]
"""Whole configurations, each of which loads as it stands."""

QUESTIONS = [
    ("What is Parlance?", "What is Parlance?"),
    ("Is it open source?", "Is it open source?"),
    ("Which licence does it have?", "Is it open source?"),
    ("How much does it cost?", "What does it cost, and how much?"),
    ("Do I need an account?", "Do I need an account?"),
    ("Which services do you offer?", "Which services do you offer?"),
    ("contact support", "How do I contact support?"),
    ("How do I change the rate limit?", "How do I change the rate limit?"),
    ("Can I use Ollama?", "How do I connect or use a language model?"),
    ("What happens when a model fails?", "What happens when a model fails or does not answer?"),
    ("How do I let people chat without a key?", "How do I let people chat without a key?"),
    ("Can I use PostgreSQL?", "Can I use PostgreSQL or another database?"),
    ("How do I install it?", "How do I install and run it?"),
    ("How do I make an API key?", "How do I create or make a key?"),
    ("I lost my key", "How do I list or revoke keys?"),
    ("How do I add my own documents?", "How do I add knowledge?"),
    ("How do I embed the widget in my site?", "How do I embed the widget in my site?"),
    ("How do I deploy it?", "How do I deploy behind nginx?"),
    ("What about privacy?", "What data is stored about me?"),
    ("How do I delete my conversations?", "How do I delete my conversations?"),
    ("How do I back up the database?", "How do I back up the database?"),
    ("How do I upgrade?", "How do I upgrade?"),
    ("Does it support the AI SDK?", "Which wires and protocols are spoken or supported?"),
    ("How does streaming work?", "How does streaming work?"),
    ("Does it remember the conversation?", "Does it remember the conversation?"),
    ("What is the capital of France?", None),
]


def prose(page: Path) -> str:
    """Without what stands in fences."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Mapping[str, Path]:
    """Those within the repository, as they are written, and the files that they lead to."""
    written = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not link.startswith("http")]
    return {
        link: page.parent.joinpath(link.partition("#")[0]).resolve() if link[0] != "#" else page for link in written
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page) -> None:
    for link, target in links(page).items():
        assert target.exists(), link
        _, _, anchor = link.partition("#")
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("start", ["README.md", "docs/README.md"])
def test_every_page_is_reached_from_here(start) -> None:
    reached, waiting = set(), [ROOT / start]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            waiting += links(page).values()
    assert reached == set(PAGES)


@pytest.mark.parametrize("page", NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page) -> None:
    named = re.findall(r"(?<![\w/.-])(?:app|bench|config|docs|tests)/[\w./*-]*\w", page.read_text())
    patterns = [re.sub(r"NAME|FOLDER", "*", path) for path in named if not EXAMPLE.search(path)]
    files = re.findall(r"`([a-z][\w/]*\.py)`", page.read_text())  # by a name alone
    patterns += [f"[a-z]*/**/{file}" for file in files if "/" not in file and not EXAMPLE.search(file)]
    missing = [pattern for pattern in patterns if not any(ROOT.glob(pattern))]
    assert missing == []


@pytest.mark.parametrize("page", NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_logger_and_make_target_that_a_page_names_exists(page) -> None:
    text = page.read_text()
    for logger in re.findall(r'"logger": ?"(app[\w.]+)"', text):
        assert (ROOT / f"{logger.replace('.', '/')}.py").exists(), logger
    targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(
        r"(?:`|^\$ |^ {4}|^)make (?:-C \S+ )?(?:[A-Z]+=\S+ )?([a-z.][\w./-]*)(?=`|\s|$)", text, re.MULTILINE
    ):
        assert target in targets, f"make {target}"


def test_generated_files_are_current() -> None:
    """`make docs` makes them so."""
    for path, text in generated().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)} differs from what `make docs` writes"
    assert {*KNOWLEDGE.glob("*.md")} - {*generated()} == {KNOWLEDGE / "demonstration.md"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition("\n")[0])
def test_the_examples_of_the_configuration_load(example, tmp_path, monkeypatch) -> None:
    for name in re.findall(r'(?:api_key|secret)_env = "(\w+)"', example):
        monkeypatch.setenv(name, "sk-example, of 24 bytes or more")
    for folder in ("knowledge", "workflows"):
        (tmp_path / folder).symlink_to(ROOT / "config" / folder)
    function = re.search(
        r"^```python\n(.*?)^```", (ROOT / "docs/adding-a-tool.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "shop.py").write_text(function[1])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    (tmp_path / "parlance.toml").write_text(example)
    assert load_configuration({"PARLANCE_CONFIG": str(tmp_path / "parlance.toml")}).settings.agents


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory) -> Iterator[KnowledgeSearch]:
    home = tmp_path_factory.mktemp("home")
    build(IndexFolder(home), (f"{KNOWLEDGE}/*.md",))  # no question waits for longer than some seconds for a process
    search = KnowledgeSearch(home)
    yield search
    search.close()


@pytest.mark.parametrize(("question", "title"), QUESTIONS)
def test_the_shipped_knowledge_answers(knowledge, question, title) -> None:
    agent = Agent("demo", "Demo", ("m",), knowledge=(f"{KNOWLEDGE}/*.md",))
    answers = [passage.title for passage in knowledge.search(agent, question) if passage.confident]
    assert (answers[0] if answers else None) == title


def test_the_files_that_a_deployment_copies_are_all_that_a_start_needs(tmp_path) -> None:
    copied = re.search(r"^cp -r (.*) /etc/parlance/$", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE)
    assert copied
    for path in copied[1].split():
        source = ROOT / path.removeprefix("/opt/parlance/")
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / source.name)
    env = {**os.environ, "PARLANCE_CONFIG": str(tmp_path / "parlance.toml"), "PARLANCE_HOME": str(tmp_path / "home")}
    ran = subprocess.run([BIN / "flask", "prepare"], cwd=ROOT, env=env, capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
