"""Which files the patterns of an agent's knowledge stand for."""

import os

import pytest

from app.knowledge.files import matching_files

NAMES = [
    *("a.md", "b.txt", "c.png", "d.md~", ".hidden.md", "#e.md#", "~$f.docx", "g.md.swp", "Thumbs.db", "h.bak"),
    *("deep/i.pdf", "deep/down/j.md", "deep/down/k.jpg", ".git/l.md", "deep/.m/n.md", "[o]/p.md"),
]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["a.md"], ["a.md"]),
        (["*"], ["a.md", "b.txt", "c.png"]),
        (["*.md"], ["a.md"]),
        (["*.md", "a.*", "a.md"], ["a.md"]),
        (["**"], ["[o]/p.md", "a.md", "b.txt", "c.png", "deep/down/j.md", "deep/down/k.jpg", "deep/i.pdf"]),
        (["**/*.md"], ["[o]/p.md", "a.md", "deep/down/j.md"]),
        (["deep/**/*.md"], ["deep/down/j.md"]),
        (["deep/**"], ["deep/down/j.md", "deep/down/k.jpg", "deep/i.pdf"]),
        (["*/**/j.md"], ["deep/down/j.md"]),
        (["**/down/*"], ["deep/down/j.md", "deep/down/k.jpg"]),
        (["deep"], ["deep/down/j.md", "deep/i.pdf"]),
        (["deep/"], ["deep/down/j.md", "deep/i.pdf"]),
        (["."], ["[o]/p.md", "a.md", "b.txt", "deep/down/j.md", "deep/i.pdf"]),
        (["d.md~", ".hidden.md"], [".hidden.md", "d.md~"]),
        ([".git/*"], [".git/l.md"]),
        ([".git"], [".git/l.md"]),
        (["[[]o]/*"], ["[o]/p.md"]),
        (["none.md", "*.none", "none/**"], []),
        ([], []),
    ],
    ids=str,
)
def test_patterns_stand_for_files(folder, patterns, names) -> None:
    found = matching_files([f"{folder}/{pattern}" for pattern in patterns])
    assert [os.path.relpath(path, folder) for path in found] == names


def test_a_pattern_may_be_relative(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    assert matching_files(["**/*.md"]) == ["./[o]/p.md", "./a.md", "./deep/down/j.md"]
    assert matching_files(["deep/**/*.md", "a.md"]) == ["a.md", "deep/down/j.md"]


def test_links_that_lead_in_circles_are_followed_once(folder) -> None:
    for number in range(3):  # which are 3 ** 40 paths
        (folder / "deep" / f"loop{number}").symlink_to(folder / "deep")
        (folder / "deep" / "down" / f"up{number}").symlink_to(folder / "deep")
    assert [os.path.relpath(path, folder) for path in matching_files([f"{folder}/deep/**/*.md"])] == ["deep/down/j.md"]


def test_a_link_that_leads_to_itself_is_passed_over(folder) -> None:
    (folder / "deep" / "self").symlink_to("self")
    (folder / "deep" / "self.md").symlink_to("self.md")
    for pattern in ("deep", "deep/**/*.md", "deep/*/*.md"):
        assert matching_files([f"{folder}/{pattern}"])[0] == f"{folder}/deep/down/j.md"


def test_what_is_no_file_is_none(folder) -> None:
    os.mkfifo(folder / "pipe.md")
    (folder / "gone.md").symlink_to("nowhere")
    assert matching_files([f"{folder}/*.md", f"{folder}/pipe.md", f"{folder}/gone.md"]) == [str(folder / "a.md")]
