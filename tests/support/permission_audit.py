"""Whose rows a request has written, seen by triggers in the server's database; and so, which objects there are."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from app.store.tables import metadata
from app.testing.server import Server

# What tells whose a row is: the first of these columns that a table has.
PARENTS = ("conversation_id", "run_id", "workflow_id", "answer_id", "owner", "user_id")
OWN_IDS = ("users", "keys")  # whose rows are themselves owners
MOST_OF_ONE = 200  # things of one kind that requests may name
NOBODYS = ("workers", "installation", "audit", "deliveries")  # the server's own tables


@dataclass(frozen=True)
class Change:
    table: str
    what: str  # "insert", "update", "delete"
    id: str
    owner: str
    more: str


@dataclass(frozen=True)
class Thing:
    """Anything with an id. `place` is the wire and the agent of a conversation, `within` the conversation of a message
    or a run; `id` is as the store has it."""

    id: str
    owner: str
    place: tuple[str, str] = ("", "")
    within: str = ""


@dataclass
class Shelf:
    """Things of one kind, oldest first; of each owner the latest."""

    all: dict[str, Thing] = field(default_factory=dict)
    own: dict[str, dict[str, Thing]] = field(default_factory=dict)  # by owner

    def add(self, thing: Thing) -> None:
        own = self.own.setdefault(thing.owner, {})
        self.all[thing.id] = own[thing.id] = thing
        if len(own) > MOST_OF_ONE:
            self.remove(next(iter(own)))

    def remove(self, thing_id: str) -> None:
        thing = self.all.pop(thing_id, None)
        if thing:
            del self.own[thing.owner][thing_id]

    def pick(
        self, rng: Random, owner: str, *, own: bool, within: str | None = None, place: tuple[str, str] | None = None
    ) -> Thing | None:
        """One of the owner's (within this conversation, of this wire and agent), or of the others'; rather a new one
        than an old one."""
        if own:
            things = self.own.get(owner, {})
            if within or place:
                things = {
                    each.id: each
                    for each in things.values()
                    if each.within == (within or each.within) and each.place == (place or each.place)
                }
            return _recent(rng, things)
        others = [each for each, things in self.own.items() if each != owner and things]
        return _recent(rng, self.own[rng.choice(others)]) if others else None


def _recent(rng: Random, things: dict[str, Thing]) -> Thing | None:
    if not things:
        return None
    ids = list(things)
    return things[ids[max(len(ids) - 1 - int(rng.expovariate(1 / 8)), 0)]]


class Audit:
    """`shelves` by the names of tables. What is written from now on is seen."""

    def __init__(self, server: Server) -> None:
        self._owner_of: dict[tuple[str, str], str] = {}  # (table, id) -> owner, of what others belong to
        self._last = 0
        self.shelves = {name: Shelf() for name in ("conversations", "messages", "runs", "workflows", "things", "users")}
        self._database = sqlite3.connect(server.database, isolation_level=None, check_same_thread=False)
        self._database.executescript("\n".join(_triggers()))

    def close(self) -> None:
        self._database.close()

    def know(self, owner: str) -> None:
        """A user or a key that was there before."""
        if owner.startswith("user:"):
            self.shelves["users"].add(Thing(owner.removeprefix("user:"), owner))

    def changes(self) -> list[Change]:
        """What was written since the last time; the shelves are brought up to date."""
        query = "SELECT number, name, what, id, parent, more FROM seen WHERE number > ? ORDER BY number"
        found = []
        for number, table, what, thing_id, parent, more in self._database.execute(query, (self._last,)):
            self._last = number
            thing_id = str(thing_id)  # noqa: PLW2901 - those of things are numbers
            change = Change(table, what, thing_id, self._owner(table, thing_id, parent), more)
            found.append(change)
            self._keep_shelves(change, parent)
        return found

    def _owner(self, table: str, thing_id: str, parent: str) -> str:
        match _parent_column(table):
            case "owner":
                self._owner_of["conversation_id", thing_id] = parent
                return parent
            case "user_id":
                self._owner_of[f"{table.removesuffix('s')}_id", thing_id] = f"user:{parent}"
                return f"user:{parent}"
            case "id":
                return f"{table.removesuffix('s')}:{thing_id}"
            case column:
                owner = self._owner_of["message_id" if column == "answer_id" else column, parent]
                self._owner_of[f"{table.removesuffix('s')}_id", thing_id] = owner
                return owner

    def _keep_shelves(self, change: Change, parent: str) -> None:
        shelf = self.shelves.get(change.table)
        if shelf and change.what == "insert":
            wire, _, agent = change.more.partition(" ") if change.table == "conversations" else ("", "", "")
            shelf.add(Thing(change.id, change.owner, (wire, agent), parent))
        elif shelf and change.what == "delete":
            shelf.remove(change.id)


def _parent_column(name: str) -> str:
    columns = [column.name for column in metadata.tables[name].columns]
    if name in OWN_IDS:
        return "id"
    owning = [column for column in PARENTS if column in columns]
    assert owning, f"whose are the rows of {name!r}?"
    return owning[0]


def _triggers() -> Iterator[str]:
    """A row of `seen` for each row that is written; an update that moves a row to another owner is one of both."""
    yield "CREATE TABLE seen (number INTEGER PRIMARY KEY, name, what, id, parent, more);"
    for table in metadata.sorted_tables:
        if table.name in NOBODYS:
            continue
        parent, key = _parent_column(table.name), [*table.primary_key.columns][-1].name
        more = {"conversations": "{row}.channel || ' ' || {row}.agent", "sessions": "{row}.expires_at"}
        for what, row in (("insert", "NEW"), ("update", "OLD"), ("update", "NEW"), ("delete", "OLD")):
            shown = more.get(table.name, "''").format(row=row)
            when = f"WHEN OLD.{parent} IS NOT NEW.{parent}" if (what, row) == ("update", "NEW") else ""
            yield (
                f"CREATE TRIGGER seen_{table.name}_{what}_{row} AFTER {what.upper()} ON {table.name} {when} BEGIN "
                f"INSERT INTO seen (name, what, id, parent, more) VALUES "
                f"('{table.name}', '{what}', {row}.{key}, {row}.{parent}, {shown}); END;"
            )
