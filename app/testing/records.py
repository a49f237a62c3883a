"""What a server has written, for tests to look into: its log and its database."""

import sqlite3
from pathlib import Path
from typing import Any

import orjson


class ServerRecords:
    """`home` is the folder of the server's files, `database` its SQLite file."""

    home: Path
    database: Path

    def log(self, message: str | None = None) -> list[dict[str, Any]]:
        """The log's JSON lines, oldest first; with `message`, only those of that message."""
        *lines, _unfinished = self.log_text().split("\n")  # a path with U+2028 in it ends no line
        found = [orjson.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if message in (None, line["message"])]

    def log_text(self) -> str:
        """All that the server has written on its standard output and standard error."""
        return (self.home / "log").read_text()

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """What the query finds in the server's database, which is opened for reading only."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        """A conversation's messages, oldest first, without an answer that is being made: the columns of their rows,
        `parts` as objects, and their `text`."""
        query = "SELECT * FROM messages WHERE conversation_id = ? AND status != 'running' ORDER BY sequence"
        rows = self.rows(query, conversation_id)
        messages = [{**dict(row), "parts": orjson.loads(row["parts"])} for row in rows]
        for message in messages:
            message["text"] = "".join(part["text"] for part in message["parts"] if part["type"] == "text")
        return messages
