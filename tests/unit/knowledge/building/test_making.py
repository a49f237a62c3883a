"""Building an index: what is read and when, what is kept, and what goes wrong."""

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from support.changing import changing
from support.passing import first_file_killed, make_due
from support.storage import ALONE

from app.knowledge.building.files_state import look, name_of
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.later import FIRST_PAUSE_SECONDS, due, due_in, next_try
from app.knowledge.building.making import BuildError, build
from app.knowledge.files import matching_files
from app.knowledge.index.index import Index
from app.testing.server import ROOT, eventually

PROGRAM = """
import sys
from pathlib import Path
from app.knowledge.building.making import BuildError, build
from app.knowledge.building.folder import IndexFolder
try:
    print(build(IndexFolder(Path(sys.argv[1])), (sys.argv[2],)))
except BuildError as error:
    print("failed:", error)
"""
SMALL_DISK = r"""
write() {
    awk -v n="$1" 'BEGIN { while (n--) { printf "# %d\n\n", n; for (j = 0; j < 60; j++) printf "w%d ", rand() * 1e9
        print "\n" } }'
}
mount -t tmpfs -o size=1m none "$1"
before=$("$3" -c "$4" "$1" "$2/*.md")
write 4000 > "$2/more.md"
"$3" -c "$4" "$1" "$2/*.md"
test -e "$1/knowledge/indexes/$before/index" && ls "$1/knowledge/indexes"
write 40 > "$2/more.md"
"$3" -c "$4" "$1" "$2/*.md"
"""


@pytest.fixture
def shop(tmp_path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "a.md").write_text("# Tea\n\nGreen tea from Uji.\n")
    (folder / "b.md").write_text("# Cups\n\nCups from Arita.\n")
    return folder


@pytest.fixture
def folder(tmp_path) -> IndexFolder:
    (tmp_path / "home").mkdir(mode=0o700)
    return IndexFolder(tmp_path / "home")


def texts(folder: IndexFolder, name: str, query: str) -> list[str]:
    index = Index(folder.index_file(name))
    found = [hit.entry.text for hit in index.search(query, 9)]
    index.close()
    return found


def patterns(shop: Path) -> tuple[str, ...]:
    return (f"{shop}/*.md",)


def rewrite_unnoticed(path: Path, old: str, new: str) -> None:
    """The same size and the same time of change, so whoever sees the new text has read the file again."""
    before = path.stat()
    assert len(old) == len(new)
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_index_is_built_once_for_files_that_do_not_change(folder, shop) -> None:
    name = build(folder, patterns(shop))
    assert texts(folder, name, "tea") == ["Green tea from Uji."]
    assert folder.current(patterns(shop)) == name
    made = folder.index_file(name).stat()
    assert build(folder, patterns(shop)) == name
    assert folder.index_file(name).stat() == made


def test_only_files_that_have_changed_are_read_again(folder, shop) -> None:
    build(folder, patterns(shop))
    rewrite_unnoticed(shop / "a.md", "Uji", "Izu")
    (shop / "b.md").write_text("# Cups\n\nCups and bowls from Arita.\n")
    name = build(folder, patterns(shop))
    assert texts(folder, name, "cups") == ["Cups and bowls from Arita."]
    assert texts(folder, name, "tea") == ["Green tea from Uji."], "as it was read at first"


def test_a_file_that_may_be_read_now_is_another_state(folder, shop) -> None:
    (shop / "a.md").chmod(0)
    name = build(folder, patterns(shop))
    if os.geteuid():
        assert [why for _, why in folder.report(name).problems] == ["it cannot be opened: Permission denied"]
    (shop / "a.md").chmod(0o644)
    assert build(folder, patterns(shop)) != name
    assert folder.report(build(folder, patterns(shop))).problems == []


def test_files_that_cannot_be_read_are_reported_and_leave_the_others_to_be_found(folder, shop) -> None:
    (shop / "c.pdf").write_bytes(b"%PDF-1.4 damaged")
    for _ in range(2):
        name = build(folder, (f"{shop}/*",))
        report = folder.report(name)
        assert (report.files, report.passages) == (3, 2)
        assert [state[0] for state, _ in report.problems] == [f"{shop}/c.pdf"]
        (shop / "b.md").write_text("# Cups\n\nCups, and nothing else.\n")
    assert texts(folder, name, "cups") == ["Cups, and nothing else."]


def test_one_index_stays_and_serves_all_who_have_the_same_files(folder, shop) -> None:
    old = build(folder, patterns(shop))
    (shop / "c.md").write_text("# Kettles\n\nKettles from Nambu.\n")
    other = (f"{shop}/[abc].md",)
    new = build(folder, patterns(shop))
    assert build(folder, other) == new
    kept = {path.name for path in folder.path.iterdir() if path.is_dir()}
    assert kept == {new} != {old}
    folder.forget_others([other])
    assert (folder.current(patterns(shop)), folder.current(other)) == (None, new)


def test_files_that_vanish_are_left_out_and_where_there_are_none_there_is_no_index(folder, shop) -> None:
    assert build(folder, (f"{shop}/*.txt",)) == ""
    assert not folder.path.exists(), "nor a folder for it"
    (shop / "b.md").unlink()
    assert texts(folder, build(folder, patterns(shop)), "cups") == []


def test_what_goes_while_it_is_read_and_comes_back_as_it_was_is_found_again(folder, shop, tmp_path) -> None:
    """As where a disk of the network is away for a moment."""

    def take_away(done: int, *_: object) -> None:
        if not done and (shop / "b.md").exists():
            (shop / "b.md").rename(tmp_path / "away.md")

    without = build(folder, patterns(shop), take_away)
    assert texts(folder, without, "cups") == []
    (tmp_path / "away.md").rename(shop / "b.md")
    name = build(folder, patterns(shop))
    assert name != without
    assert texts(folder, name, "cups") == ["Cups from Arita."]


def test_what_changes_while_it_is_read_has_the_name_of_what_was_read(folder, shop) -> None:
    def change(done: int, *_: object) -> None:
        if not done:
            (shop / "b.md").write_text("# Cups\n\nCups and bowls from Arita.\n")

    name = build(folder, patterns(shop), change)
    assert texts(folder, name, "cups") == ["Cups and bowls from Arita."]
    assert name == name_of(look(patterns(shop)))


def test_of_a_file_that_changes_again_and_again_one_state_is_kept(folder, shop) -> None:
    build(folder, patterns(shop))
    for number in range(3):
        (shop / "b.md").write_text(f"# Cups\n\nCups of the year {number}.\n")
        build(folder, patterns(shop))
    with closing(sqlite3.connect(folder.path / "documents.kept")) as table:
        assert table.execute("SELECT count(*) FROM kept").fetchone() == (2,)


def test_a_file_that_could_not_be_read_for_a_moment_is_tried_again_when_it_is_due_and_not_before(folder, shop) -> None:
    with first_file_killed():
        name = build(folder, patterns(shop))
    ((state, why),) = folder.report(name).problems
    assert (state[0], why.partition(" ended")[0]) == (f"{shop}/a.md", "the process that read it")
    assert 0 < due_in(folder.report(name).again) <= FIRST_PAUSE_SECONDS
    assert build(folder, patterns(shop)) == name
    assert texts(folder, name, "tea") == [], "not yet"
    make_due(folder, name)
    with first_file_killed():
        assert build(folder, patterns(shop)) == name
    assert FIRST_PAUSE_SECONDS < due_in(folder.report(name).again) <= 2 * FIRST_PAUSE_SECONDS, "less and less often"
    with closing(Index(folder.index_file(name))) as open_index:
        make_due(folder, name)
        assert build(folder, patterns(shop)) == name
        assert [hit.entry.text for hit in open_index.search("cups", 9)] == ["Cups from Arita."], (
            "who has it open reads on"
        )
    assert texts(folder, name, "tea") == ["Green tea from Uji."]
    assert (folder.report(name).problems, folder.report(name).again) == ([], None)


def test_what_is_wrong_with_the_file_itself_is_not_tried_again(folder, shop) -> None:
    (shop / "c.pdf").write_bytes(b"%PDF-1.4 damaged")
    assert folder.report(build(folder, (f"{shop}/*",))).again is None


def test_pauses_grow_up_to_a_day_and_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    pauses = [round(due_in(next_try(tries))) for tries in (0, 1, 2, 10, 11, 5000)]
    assert pauses == [60, 120, 240, 61_440, 86_400, 86_400]
    assert due([time.time() + 3600 + 60, 60]), "by an hour"
    assert due_in([time.time() + 3600, 3600]) > 3590


def test_patterns_that_match_the_home_folder_itself_find_neither_indexes_nor_changes_of_the_database(tmp_path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    folder = IndexFolder(home)
    (home / "tea.md").write_text("# Tea\n\nGreen tea from Uji.\n")
    database = home / "parlance.db"
    database.write_text("1")
    for pattern in (
        f"{home}/**",
        str(home),
        f"{home}/*/*/*",
        f"{home}/*/*/*/*",
        f"{folder.path}/*",
        f"{folder.path}/**",
    ):
        found = (str(home / "tea.md"), pattern)
        build(folder, found)
        name = build(folder, found)
        database.write_text(f"{pattern} has changed it")
        assert name_of(look(found)) == name, pattern
        assert {*matching_files(found)} <= {str(home / "tea.md"), str(database)}


@pytest.mark.parametrize("report", [b"", b"{}", b"[]", b"3", b'{"digest": 1, "problems": [[]]}', b"\xff", b"nan"])
def test_a_report_that_is_none_is_made_anew(folder, shop, report) -> None:
    name = build(folder, patterns(shop))
    (folder.path / name / "report.json").write_bytes(report)
    assert build(folder, patterns(shop)) == name
    assert folder.report(name).files == 2


def test_a_file_in_the_place_of_an_index_and_pointers_that_are_none_are_replaced(folder, shop) -> None:
    name = build(folder, patterns(shop))
    (pointer,) = folder.path.glob("*.current")
    for content in (b"", b"\xff\xfe", b"../../etc", b"0" * 32, b"0" * 10_000_000):
        pointer.write_bytes(content)
        assert build(folder, patterns(shop)) == name == folder.current(patterns(shop))
    folder.discard(name)
    (folder.path / name).write_text("not a folder")
    assert build(folder, patterns(shop)) == name
    (folder.path / "CACHEDIR.TAG").write_text("")  # as where the disk is full
    build(folder, patterns(shop))
    assert (folder.path / "CACHEDIR.TAG").read_text().startswith("Signature: ")
    assert texts(folder, name, "tea") == ["Green tea from Uji."]


def test_progress_is_told_file_by_file(folder, shop) -> None:
    told: list[tuple[int, int, str]] = []
    build(folder, patterns(shop), lambda *said: told.append(said))
    assert told == [(0, 2, f"{shop}/a.md"), (1, 2, f"{shop}/b.md"), (2, 2, "")]


def test_a_file_that_changes_while_it_is_read_leaves_the_index_before_in_use(folder, shop) -> None:
    name, busy = build(folder, patterns(shop)), shop / "busy.md"
    busy.write_text("# Busy\n\n" + "word " * 200_000)
    with changing(busy, b"more "), pytest.raises(BuildError, match=r"busy\.md: it changes while it is read"):
        build(folder, patterns(shop))
    assert folder.current(patterns(shop)) == name
    assert texts(folder, name, "tea") == ["Green tea from Uji."]
    assert texts(folder, build(folder, patterns(shop)), "busy") != []


def test_what_a_killed_process_has_left_is_removed_and_keeps_nobody_out(folder, shop) -> None:
    (shop / "big.md").write_text("# Big\n\n" + "\n\n# Part\n\nword " * 200_000)
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, folder.path.parents[1], *patterns(shop)], cwd=ROOT)
    eventually(lambda: folder.path.exists() and any(folder.path.glob("new-*/index")), 20)
    process.kill()
    process.wait()
    (shop / "big.md").unlink()
    name = build(folder, patterns(shop))
    assert [path.name for path in folder.path.iterdir() if path.is_dir()] == [name]


def test_processes_that_build_at_once_make_one_index(folder, shop) -> None:
    command = [sys.executable, "-c", PROGRAM, folder.path.parents[1], *patterns(shop)]
    with ThreadPoolExecutor(3) as pool:
        ran = [pool.submit(subprocess.run, command, cwd=ROOT, capture_output=True, text=True) for _ in range(3)]
    names = {each.result().stdout.strip() for each in ran}
    assert names == {folder.current(patterns(shop))}, [each.result().stderr for each in ran]


def test_damage_to_an_index_and_to_what_was_kept_is_made_good(folder, shop) -> None:
    name = build(folder, patterns(shop))
    (folder.path / "documents.kept").write_bytes(b"damaged" * 1000)
    folder.index_file(name).write_bytes(b"damaged" * 1000)
    assert texts(folder, build(folder, patterns(shop)), "tea") == ["Green tea from Uji."]


def test_another_version_of_the_program_builds_anew(tmp_path, folder, shop) -> None:
    """With a copy of the program of which one line differs."""
    name = build(folder, patterns(shop))
    subprocess.run(["cp", "-r", ROOT / "app", ROOT / "pyproject.toml", tmp_path], check=True)
    for addition in ("", "# changed\n"):
        with (tmp_path / "app" / "knowledge" / "passages.py").open("a") as file:
            file.write(addition)
        command = [sys.executable, "-c", PROGRAM, folder.path.parents[1], *patterns(shop)]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert (ran.stdout.strip() == name) == (not addition)
    assert folder.current(patterns(shop)) == ran.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes what others cannot use")
def test_what_root_makes_belongs_to_the_owner_of_the_home_folder(folder, shop) -> None:
    os.chown(folder.path.parents[1], 1234, 1234)
    build(folder, patterns(shop))
    made = [folder.path.parent, *folder.path.parent.rglob("*")]
    assert len(made) > 5
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(1234, 1234)}


@pytest.mark.mounts
def test_a_full_disk_leaves_the_index_before_in_use(tmp_path, shop) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = [*ALONE, "sh", "-c", SMALL_DISK, "sh", home, shop, sys.executable, PROGRAM]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    failed, *left, built = ran.stdout.splitlines()
    assert failed.startswith(f"failed: {home}/knowledge/indexes: ")
    assert "disk" in failed or "space" in failed
    assert [name for name in left if name.startswith("new-")] == []
    assert len(built) == 32, "with less to write, it fits"
