"""Things: facts that a user wants the assistant to know, each with a name and a content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.pages import Page, fetch_page
from app.store.row_locks import lock_row
from app.store.tables import things, users

MOST_THINGS = 1000  # of one user


@dataclass(frozen=True, slots=True)
class Thing:
    """`id` counts up and is never used again; `name` has at most 200 characters."""

    id: int
    name: str
    content: str


class ThingStore:
    """The things of one user at a time: another user's raises ChatError(NOT_FOUND), like one that does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, user_id: str) -> list[Thing]:
        """The user's things, oldest first."""
        query = _of(user_id)
        return self._database.read(lambda connection: [_thing(row) for row in connection.execute(query)])

    def page(self, user_id: str, limit: int, after: int = 0) -> Page[Thing]:
        """The user's things, oldest first: at most `limit` behind the one with the id `after`."""
        return self._database.read(lambda connection: _page(connection, user_id, limit, after))

    def add(self, user_id: str, name: str, content: str) -> Thing:
        """Store a thing and return it. Raises ChatError(INVALID) where the user has MOST_THINGS already."""
        row = {"user_id": user_id, "name": name, "content": content}

        def work(connection: Connection) -> int:
            lock_row(connection, users.c.id, user_id)
            query = select(func.count()).select_from(things).where(things.c.user_id == user_id)
            if connection.execute(query).scalar_one() >= MOST_THINGS:
                raise ChatError(Problem.INVALID, f"You have {MOST_THINGS} things, which is the most.")
            (thing_id,) = connection.execute(insert(things).values(row)).inserted_primary_key or (0,)
            return int(thing_id)

        return Thing(self._database.write(work), name, content)

    def change(self, user_id: str, thing_id: int, values: Mapping[str, Any], limit: int) -> Page[Thing]:
        """Replace the thing's `name`, `content` or both; returns the first page of the user's things, as `page` does.

        Raises ChatError(NOT_FOUND).
        """

        def work(connection: Connection) -> Page[Thing]:
            owned = (things.c.id == thing_id, things.c.user_id == user_id)
            if not connection.execute(update(things).where(*owned).values(values)).rowcount:
                raise ChatError(Problem.NOT_FOUND)
            return _page(connection, user_id, limit, 0)

        return self._database.write(work)

    def remove(self, user_id: str, thing_id: int) -> None:
        """Delete the thing. Raises ChatError(NOT_FOUND)."""

        def work(connection: Connection) -> None:
            owned = (things.c.id == thing_id, things.c.user_id == user_id)
            if not connection.execute(delete(things).where(*owned)).rowcount:
                raise ChatError(Problem.NOT_FOUND)

        self._database.write(work)


def _of(user_id: str) -> Select[Any]:
    return select(things).where(things.c.user_id == user_id).order_by(things.c.id)


def _page(connection: Connection, user_id: str, limit: int, after: int) -> Page[Thing]:
    return fetch_page(connection, _of(user_id).where(things.c.id > after), limit, _bytes, _thing)


def _thing(row: Any) -> Thing:
    return Thing(row.id, row.name, row.content)


def _bytes(row: Any) -> int:
    return len(row.content.encode(errors="surrogatepass"))
