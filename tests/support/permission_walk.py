"""A seeded walk: any caller, any operation, any ids; after each step a look at what was told and what was written."""

import re
import sqlite3
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping
from hashlib import sha256
from random import Random
from threading import Lock

import orjson
from support.permission_audit import Audit, Change
from support.permission_ids import Chosen, IdPicker
from support.permission_owners import Actor, Identity, everybody, marker
from support.permission_replies import Reply, Sender
from support.permission_requests import Call, Draft, all_calls
from support.users import COOKIE, PASSWORD

from app.testing.server import Server

WEIGHTS = (5, 3, 2, 1)  # of users, holders of secret keys, of widget keys, and those without any right
MOST_GUESSES = 8  # of one account's password, or at its address; more would lock its owner out, as they should
MOST_NEW_USERS = 12
MOST_SESSIONS = 4
ANOTHERS_CHAT = re.compile(
    rb'{"error":"Forbidden","code":"FORBIDDEN","message":"Cannot [a-z ]+ another user\'s chat"}'
    rb'|{"error":"Not Found","code":"NOT_FOUND","message":"Workflow does not exist"}'  # which is looked for before
)
_TOKEN = re.compile(rf'"token":"([^"]+)"|{COOKIE}=([^;]+);')


class Walk:
    """`counts` says what was tried and how often, so that nobody takes a walk for thorough that was not. `lately` are
    the last requests.

    Several threads may walk at once, each with a sender of its own. Whose rows a request has written cannot be told
    then, and what is another's may change between two requests: only what everybody is told is looked at.
    """

    def __init__(self, server: Server, seed: str) -> None:
        self.server, self.seed = server, seed
        self.calls = all_calls()
        self.actors = everybody(server)
        self.audit = Audit(server)
        self.ids = IdPicker(self.audit.shelves)
        for actor in self.actors:
            self.audit.know(actor.owner or "")
        self.names = {
            marker(owner): actor.name
            for actor in reversed(self.actors)
            for owner in (actor.owner, actor.visitor)
            if owner
        }
        self.counts: Counter[str] = Counter()
        self.lately: deque[str] = deque(maxlen=12)
        self._crowds = [
            [actor for actor in self.actors if actor.kind == kind and actor.owner]
            for kind in ("session", "secret", "widget")
        ] + [[actor for actor in self.actors if actor.owner in ("anonymous", None)]]
        self._people = [actor for actor in self.actors if actor.person]
        self._guesses: Counter[str] = Counter()
        self._lock = Lock()  # around all but the requests
        self._database = sqlite3.connect(
            f"file:{server.database}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )

    def close(self) -> None:
        self._database.close()
        self.audit.close()

    def step(self, number: int, sender: Sender, *, alone: bool = True) -> None:
        """One request, and where it named what is another's, the same again with names of nothing. Raises
        AssertionError."""
        rng = Random(f"{self.seed}:{number}")
        actor = rng.choice(rng.choices(self._crowds, WEIGHTS)[0])
        likely = [
            call
            for call in self.calls
            if (call.wire.name in actor.refused_on if actor.refused_on else actor.identity(call.wire))
        ]
        calls = likely if likely and rng.random() < 0.9 else self.calls
        call = rng.choice(calls)
        while rng.random() < (1 if _hashes(call) and not alone else _passed_over(call)):
            call = rng.choice(calls)
        account = self._account(call, actor, rng) if call.operation.cost == "attempt" else {}
        identity = actor.identity(call.wire)
        with self._lock:
            chosen = self.ids.choose(call, identity, rng)
            draft = self._draft(number, identity, chosen, account)
        foreign = [place for place, each in chosen.items() if each.whose == "foreign"]
        self.lately.append(f"step {number}: {actor.name} ({actor.owner}): {call}; another's: {foreign}")
        headers = actor.shown(call.wire, rng)

        def send(draft: Draft) -> Reply:
            reply = sender.send(call, draft, headers)
            self.lately.append(f"    {sender.described} -> {reply.status}")
            self._check_told(actor, call, identity, draft, reply)
            with self._lock:
                changes = self.audit.changes()
            if alone:
                self._check_written(actor, call, identity, draft, changes)
                self._keep_sessions(actor, changes, reply)
            return reply

        reply = send(draft)
        foreign = [place for place in foreign if chosen[place].text in sender.described]  # some are left out
        self._count(call, identity, foreign, reply)
        if identity and foreign and alone:
            nothing = self.ids.without(call, chosen, foreign)
            self._compare(call, chosen, reply, send(self._draft(number, identity, nothing, account, draft)))
        if identity:
            self.ids.keep_cursor(identity.owner, reply.data)

    def _draft(
        self,
        number: int,
        identity: Identity | None,
        chosen: Mapping[str, Chosen],
        account: Mapping[str, str],
        like: Draft | None = None,
    ) -> Draft:
        who, ids = identity or Identity("nobody", "open"), {place: each.text for place, each in chosen.items()}
        parts = like.parts if like else []
        if like is None and "messageId" in ids:
            named = ids["messageId"].removeprefix("msg_")
            row = self._database.execute("SELECT parts FROM messages WHERE id = ?", (named,)).fetchone()
            parts = orjson.loads(row[0]) if row else []
        return Draft(ids, who.marker, who.agent, Random(f"{self.seed}:{number}:body"), account, parts)

    def _account(self, call: Call, actor: Actor, rng: Random) -> Mapping[str, str]:
        """Whom to sign in or up as: oneself, somebody new, or another by guessing, or nobody at all."""
        nobody = f"{uuid.uuid4().hex}@example.com"
        if "sign-up" not in call.operation.path and actor.person and rng.random() < 0.7:
            return {"email": actor.person.email, "password": PASSWORD}
        if "sign-up" in call.operation.path and self.counts["new users"] < MOST_NEW_USERS:
            self.counts["new users"] += 1
            return {"email": nobody, "password": PASSWORD}
        other = rng.choice(self._people).person
        assert other
        self._guesses[other.email] += 1
        if self._guesses[other.email] > MOST_GUESSES:
            return {"email": nobody, "password": "wrong"}
        return {"email": other.email, "password": "wrong horse"}

    def _check_told(self, actor: Actor, call: Call, identity: Identity | None, draft: Draft, reply: Reply) -> None:
        assert reply.status < 500, reply
        assert reply.status != 429 or call.operation.cost == "attempt", "the limits are not lifted"
        if call.operation.credential == "none":
            readable = {marker(owner) for owner in _own(actor, draft)}
        elif identity is None:
            assert reply.status in (401, 403), reply
            readable = set()
        else:
            readable = {identity.marker}
            if call.operation.credential == "secret key" and actor.kind != "secret":
                assert reply.status in (403, 404), reply  # the agent is looked at first
        told = reply.markers - readable
        assert not told, f"{actor.name} is told the words of {[self.names.get(each, each) for each in told]}: {reply}"

    def _check_written(
        self, actor: Actor, call: Call, identity: Identity | None, draft: Draft, changes: list[Change]
    ) -> None:
        if call.operation.credential == "none":
            writable = _own(actor, draft)
        else:
            writable = {identity.owner} if identity else set()
        for change in changes:
            paid = change.table == "keys" and identity is not None and change.owner == identity.key
            fine = change.owner in writable or paid or _is_housekeeping(change) or self._is_new_user(call, change)
            assert fine, f"{actor.name} has written a row of {change.owner}: {change}"

    def _is_new_user(self, call: Call, change: Change) -> bool:
        return "sign-up" in call.operation.path and marker(change.owner) not in self.names

    def _keep_sessions(self, actor: Actor, changes: list[Change], reply: Reply) -> None:
        """Those that a user has signed out of are gone; somebody without any signs in again."""
        own = [each for each in changes if each.table == "sessions" and each.owner == actor.owner]
        ended = {each.id for each in own if each.what == "delete"}
        begun = {each.id for each in own if each.what == "insert"}
        if not (ended or begun) or actor.person is None:
            return
        for found in _TOKEN.findall(f"{reply.headers}{reply.data.decode()}"):
            token = "".join(found)
            if _hash(token) in begun and len(actor.texts) < MOST_SESSIONS:
                actor.texts.append(token)
        actor.texts[:] = [text for text in actor.texts if _hash(text) not in ended]
        if not actor.texts:
            assert actor.person.sign_in().status_code == 200
            actor.texts.append(actor.person.http.cookies[COOKIE])
            self.audit.changes()

    def _compare(self, call: Call, chosen: Mapping[str, Chosen], reply: Reply, twin: Reply) -> None:
        """What is another's is answered as what there is not; but for chats, as docs/wires/chats.md says."""
        if reply.plain == twin.plain:
            return
        chat = chosen.get("chatId")
        documented = chat and chat.whose == "foreign" and chat.wire == "chats" and twin.status == 404
        assert documented, f"{call} tells what is another's from what there is not: {reply} and {twin}"
        assert ANOTHERS_CHAT.fullmatch(reply.data.strip()), reply

    def _count(self, call: Call, identity: Identity | None, foreign: list[str], reply: Reply) -> None:
        self.counts["requests"] += 1
        if identity is None:
            self.counts["without a right"] += 1
        elif foreign:
            self.counts["naming another's"] += 1
            for place in foreign:
                self.counts[f"another's {place}: {call}"] += 1
        elif reply.status < 400:
            self.counts[f"went well: {call}"] += 1
            self.counts["own words read"] += identity.marker in reply.markers


def _own(actor: Actor, draft: Draft) -> set[str]:
    """Whom the actor may be where no credential is asked for: oneself, but not where another signs in."""
    email = draft.account.get("email")
    return {actor.owner} if actor.person and actor.owner and email in (None, actor.person.email) else set()


def _hashes(call: Call) -> bool:
    """Whether it takes a password, or makes somebody sign in again."""
    return call.operation.cost == "attempt" or call.operation.path.endswith(("sign-out", "logout"))


def _passed_over(call: Call) -> float:
    """How likely another one is taken in its place: hashing passwords takes long, and most reading of what has no id
    finds the same."""
    if _hashes(call):
        return 0.95
    return 0.6 if not call.places and not call.operation.changes_something else 0


def _is_housekeeping(change: Change) -> bool:
    """Sessions that have expired go when anybody signs in."""
    return change.table == "sessions" and change.what == "delete" and int(change.more) < time.time() * 1000


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
