"""The documentation as a small site of Markdown: pages are reached, links lead somewhere, what is copied suffices."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.testing.server import BIN, ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


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


def test_the_files_that_a_deployment_copies_are_all_that_a_start_needs(tmp_path) -> None:
    copied = re.search(r"^cp -r (.*) /etc/parlance/$", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE)
    assert copied
    for path in copied[1].split():
        source = ROOT / path.removeprefix("/opt/parlance/")
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / source.name)
    env = {**os.environ, "PARLANCE_CONFIG": str(tmp_path / "parlance.toml"), "PARLANCE_HOME": str(tmp_path / "home")}
    ran = subprocess.run([BIN / "flask", "prepare"], cwd=ROOT, env=env, capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
