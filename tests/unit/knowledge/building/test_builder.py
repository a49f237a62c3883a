"""Building in a child process, and what is asked of it and answered."""

import json
import os
import signal
import subprocess
import sys

import pytest
from support.embeddings import EmbeddingServer

from app.knowledge.building.builder import Builder
from app.knowledge.building.embedding import Embedded, model_key, vectors_file
from app.knowledge.building.embedding_main import embedded
from app.knowledge.building.files_state import program_version
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError, build
from app.knowledge.building.process_main import answer, built
from app.knowledge.index.index import Index
from app.knowledge.vectors import Vectors
from app.testing.model_server import whole
from app.testing.server import ROOT


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
    request = {"home": str(tmp_path / "home"), "patterns": [f"{tmp_path}/*.md"], "version": program_version().hex()}
    reply = json.loads(answer(json.dumps(request).encode(), built))
    assert IndexFolder(tmp_path / "home").has(reply["name"])
    assert (
        "Not a directory"
        in json.loads(answer(json.dumps({**request, "home": f"{tmp_path}/a.md"}).encode(), built))["failed"]
    )
    broken = json.loads(answer(json.dumps({**request, "patterns": None}).encode(), built))
    assert broken["failed"].startswith("TypeError")
    assert "Traceback" in broken["traceback"]
    newer = json.loads(answer(json.dumps({**request, "version": "0"}).encode(), built))
    assert (newer["failed"].partition(":")[0], newer["traceback"]) == (
        "the program on the disk is not the version that runs",
        "",
    )
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_child_process_without_progress_is_ended_by_the_kernel() -> None:
    program = "from app.knowledge.building.process_main import alive\nalive(0.2)\nwhile True: pass"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=30, check=False)
    assert ran.returncode == -signal.SIGALRM


def test_texts_are_embedded_by_a_child_process_that_knows_the_key(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EMBEDDINGS_KEY", "sk-secret-secret")
    (tmp_path / "home").mkdir()
    (tmp_path / "a.md").write_text("# Tea\n\nGreen tea.\n")
    builder = Builder(tmp_path / "home")
    name = builder.build((f"{tmp_path}/*.md",))
    with EmbeddingServer() as server:
        options = {**server.options, "api_key_env": "EMBEDDINGS_KEY"}
        assert builder.embed(name, options, doubted=False) == Embedded(missing=0, refused=0)
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer sk-secret-secret"}
    file = vectors_file(IndexFolder(tmp_path / "home"), name, model_key(options))
    assert len(Vectors(file)) == 1


def test_a_reply_of_the_embedding_process_says_what_is_missing(tmp_path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "a.md").write_text("# Tea\n\nGreen tea.\n")
    name = build(IndexFolder(tmp_path / "home"), (f"{tmp_path}/*.md",))
    with EmbeddingServer() as server:
        server.failing = [whole(b'{"error": "no such key"}', 401)]
        about = {"home": str(tmp_path / "home"), "version": program_version().hex()}
        request = {**about, "name": name, "model": server.options, "doubted": False}
        reply = json.loads(answer(json.dumps(request).encode(), embedded))
        assert reply == {"missing": 1, "refused": 0, "reason": 'answered 401: {"error": "no such key"}'}
        gone = json.loads(answer(json.dumps({**request, "name": "0" * 32}).encode(), embedded))
        assert "No such file" in gone["failed"]
