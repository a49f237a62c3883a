"""Ids for a request's places: the caller's own, another's, or of nothing."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from support.permission_audit import Shelf, Thing
from support.permission_owners import AGENTS, Identity
from support.permission_requests import Call

NAMES = ("session-1", "session-2", "session-3")  # of conversations, which all owners use
END_USERS = ("ada", "bob")
MODELS = ("echo", "scripted")
CALLS = ("call_1", "call_2")  # as the scripted model numbers them
_CURSOR = re.compile(rb'"(?:cursor|nextCursor)":"([A-Za-z0-9_.-]+)"')


@dataclass(frozen=True)
class Chosen:
    """`whose` is "own", "foreign", "nobody's", or "any" for what has no owner. `wire` is that of a conversation."""

    text: str
    whose: str
    thing: Thing | None = None

    @property
    def wire(self) -> str:
        return self.thing.place[0] if self.thing else ""


class IdPicker:
    def __init__(self, shelves: Mapping[str, Shelf]) -> None:
        self._shelves = shelves
        self._cursors: dict[str, list[str]] = {}  # by owner

    def keep_cursor(self, owner: str, data: bytes) -> None:
        for cursor in _CURSOR.findall(data):
            self._cursors[owner] = [*self._cursors.get(owner, [])[-20:], cursor.decode()]

    def choose(self, call: Call, identity: Identity | None, rng: Random) -> dict[str, Chosen]:
        """One for each place of the operation."""
        chosen: dict[str, Chosen] = {}
        for place in sorted(call.places, key=str.lower):  # a conversation before its messages
            chosen[place] = self._choose(call, place, identity, chosen, rng)
        return chosen

    def without(self, call: Call, chosen: Mapping[str, Chosen], places: list[str]) -> dict[str, Chosen]:
        """The same, with ids of nothing in these places."""
        return {
            place: Chosen(_nothing(call, place), "nobody's") if place in places else each
            for place, each in chosen.items()
        }

    def _choose(
        self, call: Call, place: str, identity: Identity | None, before: Mapping[str, Chosen], rng: Random
    ) -> Chosen:
        kind = call.kind(place)
        unowned = {"name": NAMES, "end user": END_USERS, "model": MODELS, "call": CALLS}
        if kind in unowned:
            return Chosen(rng.choice(unowned[kind]), "any")
        owner, agent = (identity.owner, identity.agent) if identity else ("nobody", "open")
        if kind == "agent":
            other = rng.choice([each for each in AGENTS if each != agent])
            return Chosen(agent, "own") if rng.random() < 0.9 else Chosen(other, "foreign")
        if kind == "cursor":
            return self._cursor(owner, rng)
        how = rng.choices(["own", "foreign", "nobody's"], [50, 40, 10])[0]
        near = before.get("conversationId") or before.get("chatId")
        shelf = self._shelves["messages" if kind in ("position", "response") else kind]
        if kind in ("messages", "position") and near and near.thing and rng.random() < 0.8:
            how = near.whose
            found = shelf.pick(rng, near.thing.owner, own=True, within=near.thing.id)
        elif how == "nobody's":
            found = None
        else:
            near_by = kind == "conversations" and how == "own" and rng.random() < 0.8
            found = shelf.pick(rng, owner, own=how == "own", place=(call.wire.name, agent) if near_by else None)
        if found is None:
            return Chosen(_nothing(call, place), "nobody's")
        if kind == "conversations" and found.place != (call.wire.name, agent):
            how = "foreign"  # one of another wire is as far away as another owner's
        return Chosen(_spelt(call, kind, found), how, found)

    def _cursor(self, owner: str, rng: Random) -> Chosen:
        whose = rng.choice([owner, *self._cursors])
        if whose not in self._cursors:
            return Chosen("none", "nobody's")
        return Chosen(rng.choice(self._cursors[whose]), "any" if whose == owner else "foreign")


def _spelt(call: Call, kind: str, thing: Thing) -> str:
    """As callers of the wire write it."""
    if kind == "messages":
        return thing.id if call.wire.name == "widget" else f"msg_{thing.id}"
    if kind == "position":
        return f"{thing.id}.0"
    named = {"things": thing.id, "response": f"resp_{thing.id}"}
    return named.get(kind) or str(uuid.UUID(thing.id))


def _nothing(call: Call, place: str) -> str:
    """An id that nothing has."""
    found = uuid.uuid4()
    messages = found.hex if call.wire.name == "widget" else f"msg_{found.hex}"
    nothings = {
        "agent": "nobody",
        "cursor": "none",
        "messages": messages,
        "response": f"resp_{found.hex}",
        "position": f"{found.hex}.0",
        "things": str(10**12 + found.int % 10**12),
    }
    return nothings.get(call.kind(place)) or str(found)
