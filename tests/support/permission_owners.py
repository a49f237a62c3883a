"""Who asks in the permission fuzz: holders of every kind of credential, good and bad, and what each of them owns."""

import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from support.agents import keys
from support.users import COOKIE, Person
from support.visitors import id_of, signed

from app.store.database import Database
from app.store.users import UserStore
from app.testing.configuration import CONFIG
from app.testing.model_server import Action, ModelServer, Request
from app.testing.provider_apis import OPENAI
from app.testing.server import Server
from app.web.callers.credentials import BearerKey, CookieToken, Credential, HeaderKey
from app.web.callers.visitors import Visitors, owner_of
from app.web.wire import Wire

ONE, TWO = "https://one.example", "https://two.example"
MARKER = re.compile(r"mk[0-9a-f]{12}")
AGENTS = ("open", "other", "trusting")
WIDGET_KEY_WIRES = {"open": ("widget", "agents"), "other": ("widget",)}  # as below
TABLES = """
[models.scripted]
provider = "scripted"

[models.echo]                      # says whose words it was sent
provider = "openai"
base_url = "{url}/v1"
model = "m-1"

[agents.open]
model = "echo"
tools = ["calculator", "stuff"]
public = true
widget_key_wires = ["agents"]

[agents.other]
model = "scripted"
tools = ["calculator", "stuff"]
client_tools = {{ confirm = {{ description = "Asks for a yes." }} }}

[agents.trusting]
model = "echo"
client_history = true

"""


def configuration(model: ModelServer) -> str:
    """Three agents, and no limit that a walk would meet."""
    rest = CONFIG[CONFIG.index("[limits]") :].replace("heartbeat_seconds = 0.3", "heartbeat_seconds = 15")
    lifted = "" if "\nthings = " in rest else 'things = "100000/minute"\n'
    return TABLES.format(url=model.url) + rest.replace("[limits]\n", f"[limits]\n{lifted}")


def echo(request: Request) -> list[Action]:
    """All markers in the prompt. What leaks into a prompt leaks into the answer."""
    return OPENAI.answer(" ".join(["seen", *sorted(set(MARKER.findall(request.data.decode())))]))


def marker(owner: str) -> str:
    """What stands in everything that this owner says."""
    return f"mk{sha256(owner.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Identity:
    """As whom the server has to take a request: the owner of what it makes, and the key that pays."""

    owner: str
    agent: str
    key: str | None = None

    @property
    def marker(self) -> str:
        return marker(self.owner)


@dataclass
class Actor:
    """The holder of one credential. `texts` are what it may be shown as: one key, or the tokens of open sessions.

    - `owner` is None where the credential is worth nothing, or nothing on the wires `refused_on`.
    - `visitor` is the owner on the widget's wire, for those for whom a site vouches.
    """

    name: str
    kind: str  # "secret", "widget", "session", "none"
    texts: list[str] = field(default_factory=list)
    owner: str | None = None
    agent: str = "open"
    headers: Mapping[str, str] = field(default_factory=dict)
    visitor: str | None = None
    refused_on: tuple[str, ...] = ()
    person: Person | None = None

    def identity(self, wire: Wire) -> Identity | None:
        """None where the wire must refuse the actor."""
        if self.owner is None or wire.name in self.refused_on:
            return None
        if self.kind == "none":
            return Identity(self.owner, self.agent) if wire.anonymous else None
        if self.kind == "session":
            return Identity(self.owner, self.agent) if wire.signed_in else None
        if wire.signed_in or self.kind not in wire.key_kinds:
            return None
        if self.kind == "widget" and wire.name not in WIDGET_KEY_WIRES[self.agent]:
            return None
        mine = self.visitor if self.visitor and wire.name == "widget" else self.owner
        return Identity(mine, self.agent, self.owner)

    def shown(self, wire: Wire, rng: Random) -> dict[str, str]:
        """The headers of a request, with the credential in one of the wire's ways."""
        if not self.texts:
            return dict(self.headers)
        text, way = rng.choice(self.texts), rng.choice(wire.credentials)
        return {**self.headers, **presented(way, text)}


def presented(way: Credential, text: str) -> dict[str, str]:
    match way:
        case BearerKey(header):
            return {header: f"Bearer {text}"}
        case HeaderKey(header):
            return {header: text}
        case CookieToken(name):
            return {"Cookie": f"{name}={text}"}
    raise AssertionError(f"how is {way} presented?")


def everybody(server: Server) -> list[Actor]:
    """Several holders of each kind of credential, and several whose credential is worth nothing."""
    visitors = _visitors(server)
    assert len({each.visitor for each in visitors if each.visitor}) == 3, "two visitors are one owner"
    return [*_key_holders(server), *visitors, *_users(server), *_refused(server)]


def _key(server: Server, kind: str, agent: str, *origins: str) -> tuple[str, str]:
    """The text of a new key, and its owner."""
    text = keys(server).create(kind, agent, "", origins, require_origin=bool(origins))  # type: ignore[arg-type]
    return text, f"key:{id_of(server, text)}"


def _key_holders(server: Server) -> list[Actor]:
    holders = [Actor("anybody", "none", owner="anonymous")]
    for number, agent in enumerate(("open", "open", "other", "other", "trusting")):
        text, owner = _key(server, "secret", agent)
        holders.append(Actor(f"secret key {number} of {agent}", "secret", [text], owner, agent))
    for agent, origin in (("open", ONE), ("open", TWO), ("other", ONE)):
        text, owner = _key(server, "widget", agent, origin)
        holders.append(Actor(f"widget key of {agent} at {origin}", "widget", [text], owner, agent, {"Origin": origin}))
    return holders


def _visitors(server: Server) -> list[Actor]:
    """Two of one key, one of which has the name of another key's."""
    found = []
    for origin, names in ((ONE, ("ada", "bob")), (TWO, ("ada",))):
        text, owner = _key(server, "widget", "open", origin)
        key_id = owner.removeprefix("key:")
        key = keys(server).find(text.encode())
        assert key
        secret = Visitors((server.home / "instance" / "secret_key").read_text().strip()).secret_of(key)
        for name in names:
            headers = {"Origin": origin, "x-visitor": signed(secret, name, time.time() + 86_400)}
            visitor = owner_of(key_id, name)
            found.append(Actor(f"visitor {name} at {origin}", "widget", [text], owner, "open", headers, visitor))
        for case, token in (
            ("expired", signed(secret, "ada", time.time() - 60)),
            ("forged", signed("0" * 64, "ada", time.time() + 600)),
            ("unsigned", "ada"),
        ):
            headers = {"Origin": origin, "x-visitor": token}
            name = f"{case} visitor at {origin}"
            found.append(Actor(name, "widget", [text], owner, "open", headers, refused_on=("widget",)))
    return found


def _users(server: Server) -> list[Actor]:
    found = []
    for number in range(3):
        person = Person.new(server)
        owner = f"user:{person.id.replace('-', '')}"
        found.append(Actor(f"user {number}", "session", [person.http.cookies[COOKIE]], owner, person=person))
    return found


def _refused(server: Server) -> list[Actor]:
    """Those whose credentials are worth nothing on any wire."""
    revoked, owner = _key(server, "secret", "open")
    keys(server).revoke(owner.removeprefix("key:"))
    rotated, owner = _key(server, "secret", "open")
    keys(server).rotate(owner.removeprefix("key:"))
    bound, _ = _key(server, "widget", "open", ONE)
    expired, left, disabled = (Person.new(server) for _ in range(3))
    tokens = [person.http.cookies[COOKIE] for person in (expired, left, disabled)]
    left.call("POST", "/api/auth/sign-out")
    assert UserStore(Database(server.store_url)).disable(disabled.email)
    with closing(sqlite3.connect(server.database)) as database, database:
        hashed = sha256(tokens[0].encode()).hexdigest()
        assert database.execute("UPDATE sessions SET expires_at = 1 WHERE hash = ?", (hashed,)).rowcount == 1
    texts = {"a revoked key": revoked, "a key's old text": rotated, "no such key": "sk_" + "A" * 43, "nothing": ""}
    return [
        *(Actor(name, "secret", [text]) for name, text in texts.items()),
        Actor("a widget key at another origin", "widget", [bound], headers={"Origin": TWO}),
        Actor("a widget key without its origin", "widget", [bound]),
        *(Actor(f"a session that {how}", "session", [token]) for how, token in zip(
            ("has expired", "was signed out", "is of a disabled user"), tokens, strict=True)),
    ]  # fmt: skip
