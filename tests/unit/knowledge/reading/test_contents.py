"""The bytes of files: of regular ones, whole, as they were at one moment, and of no others."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest
from support.changing import changing

from app.knowledge.documents import UnreadableError
from app.knowledge.reading.contents import MOST_BYTES, contents


def refusal(path) -> str:
    with pytest.raises(UnreadableError) as refused:
        contents(path)
    return str(refused.value)


@pytest.mark.parametrize("size", [0, 1, 1_048_576, 3_000_000])
def test_a_file_is_read_whole(tmp_path, size) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    assert contents(tmp_path / "file") == data


def test_a_link_is_followed(tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    assert contents(tmp_path / "link") == b"x"


def test_a_file_that_is_too_large_is_not_opened(tmp_path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1_000_000_000)
    (tmp_path / "large").chmod(0)
    assert refusal(tmp_path / "large") == "it is larger than 50 MB: 1,000 MB; split it"
    with (tmp_path / "fits").open("wb") as file:
        file.truncate(MOST_BYTES)
    assert len(contents(tmp_path / "fits")) == MOST_BYTES


def test_what_is_no_file_is_not_opened(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening one waits for who writes to it
    assert refusal(tmp_path / "pipe") == "it is a named pipe, not a file"
    assert refusal(tmp_path) == "it is a folder, not a file"
    assert refusal(Path("/dev/zero")) == "it is a device, not a file"
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert refusal(tmp_path / "socket") == "it is a socket, not a file"


def test_a_file_that_is_not_there_is_named_so(tmp_path) -> None:
    assert refusal(tmp_path / "none") == "it cannot be opened: No such file or directory"
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(tmp_path / "loop") == "it cannot be opened: Too many levels of symbolic links"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 3_000_000)
    with changing(tmp_path / "log", b"x"):
        assert refusal(tmp_path / "log") == "it changes while it is read"
    assert set(contents(tmp_path / "log")) == {*b"x"}
