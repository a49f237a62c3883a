"""An SQLite database copied into an empty one of PostgreSQL, whole, table by table.

Each piece is a transaction, which also says how far the copy has come: one that was broken off goes on where it was.
Until the copy is whole and has been compared, nobody serves it (`HALF_MOVED`).
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Integer, Table

from app.engine.texts import clean
from app.store.database import Database, make_engine
from app.store.faults import known_errors, store_error
from app.store.keys import LONGEST_NAME
from app.store.schema import MOVE_TABLE, upgrade
from app.store.tables import keys, metadata, things

PIECE = 1000  # rows

Summary = dict[str, tuple[int, ...]]
"""Of each table the number of rows, and the sum of each column of numbers."""


class MoveError(Exception):
    """Why nothing can be moved, or the copy is not what it should be; may be shown to the operator."""


def move(source: Path, url: str, tell: Callable[[str, int, int], None]) -> dict[str, int]:
    """Copy the database of the file, which nobody may write to meanwhile, to the one at the URL; how many rows each
    table has then. `tell` hears the table, how many of its rows are there, and of how many.

    The target is migrated first. It has to be empty, or hold what was copied of this very file before. Raises
    MoveError, and StoreError where one of them cannot be used.
    """
    upgrade(Database(url), owned=True)
    with closing(_open(source)) as old, known_errors(), make_engine(url, patient=True).connect() as new:
        expected = _summary(lambda query: old.execute(query).fetchone())
        _begin(new, repr(expected))
        for table in metadata.sorted_tables:
            _copy(old, new, table, expected[table.name][0], tell)
        _finish(old, new, expected)
    return {name: numbers[0] for name, numbers in expected.items()}


def _open(source: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)


def _summary(fetch: Callable[[str], Sequence[Any]]) -> Summary:
    summary = {}
    for table in metadata.sorted_tables:
        numbers = [column.name for column in table.columns if isinstance(column.type, Integer)]
        sums = "".join(f", coalesce(sum({name}), 0)" for name in numbers)
        summary[table.name] = tuple(map(int, fetch(f"SELECT count(*){sums} FROM {table.name}")))  # noqa: S608 - ours
    return summary


def _begin(new: Connection, source: str) -> None:
    """Note down what is copied, or find it noted. Raises MoveError where something else is there."""
    if new.exec_driver_sql(f"SELECT to_regclass('{MOVE_TABLE}')").scalar_one() is None:
        found = _summary(lambda query: new.exec_driver_sql(query).one())
        filled = [name for name, (rows, *_) in found.items() if rows]
        if filled:
            raise MoveError(f"The database is not empty: it has rows in {', '.join(filled)}.")
        new.exec_driver_sql(f"CREATE TABLE {MOVE_TABLE} (name text PRIMARY KEY, source text, done bigint NOT NULL)")
        for table in metadata.sorted_tables:
            new.exec_driver_sql(f"INSERT INTO {MOVE_TABLE} VALUES (%s, %s, 0)", (table.name, source))  # noqa: S608
        new.commit()
    elif source != new.exec_driver_sql(f"SELECT min(source) FROM {MOVE_TABLE}").scalar_one():  # noqa: S608
        raise MoveError(
            "What was copied before is of another file, or this one was written to meanwhile. Make the database anew."
        )
    new.rollback()


def _copy(old: sqlite3.Connection, new: Connection, table: Table, total: int, tell: Callable[..., None]) -> None:
    names = ", ".join(column.name for column in table.columns)
    done = f"SELECT done FROM {MOVE_TABLE} WHERE name = %s"  # noqa: S608
    last = new.exec_driver_sql(done, (table.name,)).scalar_one()
    read = names.replace("name", f"substr(name, 1, {LONGEST_NAME})") if table is keys else names  # once without an end
    query = f"SELECT rowid, {read} FROM {table.name} WHERE rowid > ? ORDER BY rowid LIMIT {PIECE}"  # noqa: S608
    copied = old.execute(f"SELECT count(*) FROM {table.name} WHERE rowid <= ?", (last,)).fetchone()[0]  # noqa: S608
    tell(table.name, copied, total)
    while True:
        piece = _Piece(old.execute(query, (last,)))
        driver: Any = new.connection.driver_connection
        with (
            _told(table.name, last),
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as target,
        ):
            for row in piece:
                target.write_row(row)
        if not piece.rows:
            new.rollback()
            return
        last, copied = piece.last, copied + piece.rows
        new.exec_driver_sql(f"UPDATE {MOVE_TABLE} SET done = %s WHERE name = %s", (last, table.name))  # noqa: S608
        new.commit()
        tell(table.name, copied, total)


@contextmanager
def _told(table: str, last: int) -> Iterator[None]:
    """Raises MoveError where PostgreSQL does not take a row behind this one."""
    try:
        yield
    except Exception as error:
        if store_error(error) is None and hasattr(error, "sqlstate"):
            raise MoveError(f"{table}, behind row {last}: {' '.join(str(error).split())}") from error
        raise


class _Piece:
    """Rows as they are to be written; afterwards, how many there were and the last one's number."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self.rows = self.last = 0

    def __iter__(self) -> Iterator[list[Any]]:
        for number, *values in self._rows:
            self.last, self.rows = number, self.rows + 1
            yield [clean(value) if isinstance(value, str) else value for value in values]  # as versions before allowed


def _finish(old: sqlite3.Connection, new: Connection, expected: Summary) -> None:
    """Compare, and let the copy be served. Raises MoveError where it is not what it should be."""
    found = _summary(lambda query: new.exec_driver_sql(query).one())
    different = [name for name, numbers in expected.items() if found[name] != numbers]
    if different:
        raise MoveError(f"What was copied differs in {', '.join(different)}. Make the database anew, and move again.")
    numbers = old.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (things.name,)).fetchone()
    if numbers and numbers[0]:
        new.exec_driver_sql("SELECT setval('things_id_seq', %s)", (numbers[0],))  # no id is ever used again
    new.exec_driver_sql(f"DROP TABLE {MOVE_TABLE}")
    new.commit()
    new.exec_driver_sql("ANALYZE")
    new.commit()
