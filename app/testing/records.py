"""What a server has written, for tests to look into: its log and its database."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg.types.string import TextLoader


class Row(tuple[Any, ...]):
    """A row's values, in order and by their columns' names."""

    __slots__ = ()
    names: Sequence[str] = ()

    def __getitem__(self, place: Any) -> Any:
        return super().__getitem__(self.names.index(place) if isinstance(place, str) else place)

    def keys(self) -> Sequence[str]:
        """The columns' names, so that `dict(row)` has them."""
        return self.names


class ServerRecords:
    """`home` is the folder of the server's files. Its database is SQLite's file `database`, or PostgreSQL's at the
    `database_url`."""

    home: Path
    database: Path
    database_url: str | None = None

    def log(self, message: str | None = None) -> list[dict[str, Any]]:
        """The log's JSON lines, oldest first; with `message`, only those of that message."""
        *lines, _unfinished = self.log_text().split("\n")  # a path with U+2028 in it ends no line
        found = [orjson.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if message in (None, line["message"])]

    def log_text(self) -> str:
        """All that the server has written on its standard output and standard error."""
        return (self.home / "log").read_text()

    def rows(self, query: str, *values: object) -> list[Row]:
        """What the query finds in the server's database; `?` stands for each of the values. JSON comes as text."""
        with self._connected("ro") as connection:
            found = connection.execute(self._spelled(query), values)
            kind = type("RowOfQuery", (Row,), {"__slots__": (), "names": [each[0] for each in found.description or ()]})
            return [kind(row) for row in found.fetchall()]

    def write(self, statement: str, *rows: Sequence[object]) -> None:
        """Run the statement in the server's database, once for each of the rows of values, or once without."""
        with self._connected("rw") as connection:
            cursor = connection.cursor()
            for row in rows or ((),):
                cursor.execute(self._spelled(statement), row)
            connection.commit()

    @contextmanager
    def _connected(self, mode: str) -> Iterator[Any]:
        if self.database_url is None:
            file = f"file:{self.database}?mode={mode}"
            with closing(sqlite3.connect(file, uri=True, timeout=30)) as opened:
                yield opened
            return
        with psycopg.connect(self.database_url) as connection:
            connection.adapters.register_loader("json", TextLoader)
            yield connection

    def _spelled(self, statement: str) -> str:
        """With the database's own sign for a value."""
        return statement if self.database_url is None else statement.replace("%", "%%").replace("?", "%s")

    def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        """A conversation's messages, oldest first, without an answer that is being made: the columns of their rows,
        `parts` as objects, and their `text`."""
        query = "SELECT * FROM messages WHERE conversation_id = ? AND status != 'running' ORDER BY sequence"
        rows = self.rows(query, conversation_id)
        messages = [{**dict(row), "parts": orjson.loads(row["parts"])} for row in rows]
        for message in messages:
            message["text"] = "".join(part["text"] for part in message["parts"] if part["type"] == "text")
        return messages
