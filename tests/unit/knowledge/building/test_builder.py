"""Building in a child process, and what is asked of it and answered."""

import json
import os
import signal

import pytest

from app.knowledge.building.builder import Builder
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError
from app.knowledge.building.process_main import answer
from app.knowledge.index.index import Index


@pytest.mark.parametrize("name", ["tea", "t\u00e9", os.fsdecode(b"t\xe9"), "[x]?*"])
def test_a_child_process_builds_in_any_home_of_files_of_any_name(tmp_path, name) -> None:
    home, shop = tmp_path / f"home {name}", tmp_path / "shop"
    home.mkdir()
    shop.mkdir()
    (shop / f"{name}.md").write_text("# Tea\n\nGreen tea from Uji.\n")
    built = Builder(home).build((f"{shop}/*.md",))
    index = Index(IndexFolder(home).index_file(built))
    assert [hit.entry.text for hit in index.search("tea", 9)] == ["Green tea from Uji."]
    index.close()


def test_what_a_child_process_cannot_do_is_told(tmp_path) -> None:
    (tmp_path / "a.md").write_text("# Tea\n\nGreen tea.\n")
    (tmp_path / "home").write_text("no folder")
    with pytest.raises(BuildError, match=r"/home/knowledge/indexes: Not a directory"):
        Builder(tmp_path / "home").build((f"{tmp_path}/*.md",))


def test_replies_are_json_and_leave_no_alarm_behind(tmp_path) -> None:
    (tmp_path / "a.md").write_text("# Tea\n\nGreen tea.\n")
    (tmp_path / "home").mkdir()
    request = {"home": str(tmp_path / "home"), "patterns": [f"{tmp_path}/*.md"]}
    reply = json.loads(answer(json.dumps(request).encode()))
    assert IndexFolder(tmp_path / "home").has(reply["name"])
    assert json.loads(answer(json.dumps({**request, "home": f"{tmp_path}/a.md"}).encode()))["failed"]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
