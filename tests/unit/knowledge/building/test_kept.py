"""Values from one build to the next."""

import sqlite3
from contextlib import closing

import pytest

from app.knowledge.building.kept import DAYS, Kept


def test_what_was_put_is_there_the_next_time(tmp_path) -> None:
    with closing(Kept(tmp_path / "kept")) as kept:
        kept.put(b"a", b"1")
        kept.put(b"b", b"2")
        kept.put(b"a", b"3")
    with closing(Kept(tmp_path / "kept")) as kept:
        assert [kept.get(key) for key in (b"a", b"b", b"c")] == [b"3", b"2", None]


def test_what_nobody_asks_for_is_dropped_in_time(tmp_path) -> None:
    with closing(Kept(tmp_path / "kept")) as kept:
        kept.put(b"used", b"1")
        kept.put(b"unused", b"2")
    with closing(sqlite3.connect(tmp_path / "kept")) as table:
        table.execute("UPDATE kept SET used = used - ?", (DAYS + 1,))
        table.commit()
    with closing(Kept(tmp_path / "kept")) as kept:
        assert kept.get(b"used") == b"1"
    with closing(Kept(tmp_path / "kept")) as kept:
        assert [kept.get(key) for key in (b"used", b"unused")] == [b"1", None]


@pytest.mark.parametrize("damage", [b"", b"damaged" * 1000])
def test_a_damaged_file_begins_anew(tmp_path, damage) -> None:
    (tmp_path / "kept").write_bytes(damage)
    with closing(Kept(tmp_path / "kept")) as kept:
        assert kept.get(b"a") is None
        kept.put(b"a", b"1")
    with closing(Kept(tmp_path / "kept")) as kept:
        assert kept.get(b"a") == b"1"
