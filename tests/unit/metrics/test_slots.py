"""Whose files a worker counts in: other processes hold slots here, as workers do, and end."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.metrics.slots import COUNTER_BYTES, clear, drop_dead, folder_of, take_slot

HOLD = "import sys; from pathlib import Path; from app.metrics.slots import take_slot; "
HOLD += "print(take_slot(Path(sys.argv[1])), flush=True); sys.stdin.read()"


@pytest.fixture
def hold(tmp_path) -> Iterator[Callable[[], tuple[int, subprocess.Popen[str]]]]:
    """Another process takes a slot of this folder; returns which, and the process."""
    held: list[subprocess.Popen[str]] = []

    def start() -> tuple[int, subprocess.Popen[str]]:
        command = [sys.executable, "-c", HOLD, str(tmp_path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        held.append(process)
        assert process.stdout
        return int(process.stdout.readline()), process

    yield start
    for process in held:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def gauges(folder: Path, slot: int) -> list[Path]:
    return sorted(folder.glob(f"gauge_*_{slot}.db"))


def test_each_process_has_a_slot_of_its_own_the_lowest_that_is_free(hold, tmp_path) -> None:
    (first, one), (second, _) = hold(), hold()
    assert (first, second) == (1, 2)
    counter = tmp_path / "counter_1.db"
    counter.write_bytes(b"counted" + counter.read_bytes()[7:])
    end(one)
    assert hold()[0] == 1
    assert counter.read_bytes().startswith(b"counted"), "the next one goes on"


def test_of_the_dead_no_gauges_are_left(hold, tmp_path) -> None:
    (_, one), (_, _) = hold(), hold()
    drop_dead(tmp_path)
    assert len(gauges(tmp_path, 1)) == len(gauges(tmp_path, 2)) == 3
    end(one)
    drop_dead(tmp_path)
    assert (len(gauges(tmp_path, 1)), len(gauges(tmp_path, 2))) == (0, 3)
    assert (tmp_path / "counter_1.db").exists()


def test_files_are_written_before_they_are_mapped(tmp_path) -> None:
    slot = take_slot(tmp_path)
    state = (tmp_path / f"counter_{slot}.db").stat()
    assert state.st_size == COUNTER_BYTES
    assert state.st_blocks * 512 >= COUNTER_BYTES, "no holes"
    assert state.st_mode & 0o777 == 0o600


def test_a_slot_is_free_again_where_its_files_cannot_be_made(tmp_path) -> None:
    (tmp_path / "counter_1.db").mkdir()
    with pytest.raises(IsADirectoryError):
        take_slot(tmp_path)
    (tmp_path / "counter_1.db").rmdir()
    assert take_slot(tmp_path) == 1


def test_it_is_cleared_where_it_is_there(tmp_path) -> None:
    folder = folder_of("sqlite:////var/db/parlance.db", Path("/home"))
    assert folder == Path("/var/db/parlance.db.workers/metrics")
    clear(tmp_path / "none")
    take_slot(tmp_path / "some")
    clear(tmp_path / "some")
    assert not (tmp_path / "some").exists()
