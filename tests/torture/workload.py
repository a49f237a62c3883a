"""Callers on all wires who ask, and write, and note down whatever the server has acknowledged to them.

Acknowledged are: a question, as soon as the first event of its answer has come; an answer, as soon as its last event
has come, or the whole of it; anything made, as soon as its id has come.
"""

import asyncio
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from support.wires import WIRES, AgentsWhole
from torture.exchange import exchange, parsed

from app.testing.server import Server, script
from app.testing.wire_client import WireClient

ANSWER_SECONDS = 30  # after which a caller who has neither an answer nor a refusal counts as hung
PRICE = 3  # credits, of the model
MOMENTS = ("asked", "begun", "last token", "ended")
BUDGET = 1_000_000_000
_NUMBERS = itertools.count(1)  # of questions: none is asked twice


@dataclass
class Asked:
    """A question; `answer` is what is said if nothing goes wrong."""

    wire: WireClient
    question: str
    answer: str
    begun: bool = False
    ended: bool = False

    def __str__(self) -> str:
        return f"{self.wire} {self.question[:60]}"


@dataclass
class Ledger:
    """What the callers have noted down. `statuses` counts how requests were answered, 0 for those that were cut."""

    asked: list[Asked] = field(default_factory=list)
    chats: list[str] = field(default_factory=list)
    things: list[int] = field(default_factory=list)
    rated: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_refusal: float = 0.0  # seconds

    @property
    def acknowledged(self) -> int:
        answers = sum(asked.begun + asked.ended for asked in self.asked)
        return answers + len(self.chats) + len(self.things) + len(self.rated)

    def __str__(self) -> str:
        begun, ended = (sum(getattr(each, name) for each in self.asked) for name in ("begun", "ended"))
        made = len(self.chats) + len(self.things) + len(self.rated)
        return f"{begun} questions and {ended} answers of {len(self.asked)} acknowledged, {made} other writes"


class Workload:
    """Use with `with`: so many callers ask until its end, which waits for the answers under way.

    `keys` has a credential for each kind. The callers run in a thread of their own.
    """

    def __init__(
        self, server: Server, keys: Mapping[str, str], ledger: Ledger, seed: object, callers: int = 12
    ) -> None:
        self._server, self._keys, self.ledger, self._seed, self._callers = server, keys, ledger, seed, callers
        self._stopping = threading.Event()
        self._moments = {name: threading.Event() for name in MOMENTS}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        for wire in WIRES:  # what they look up of the server before they ask is remembered from here on
            wire.complete_body({}, server.url, keys[wire.key_kind])
            if "{agent}" in wire.path:
                wire.path_for(server.url, keys[wire.key_kind])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask no more, and wait for the answers under way."""
        self._stopping.set()
        self._thread.join(ANSWER_SECONDS + 10)
        assert not self._thread.is_alive(), "a caller hangs"

    def wait_for(self, moment: str, seconds: float) -> bool:
        """Return when it comes for any caller; false where it does not within the time."""
        self._moments[moment].clear()
        return self._moments[moment].wait(seconds)

    async def _run(self) -> None:
        callers = [self._call(random.Random(f"{self._seed} {number}")) for number in range(self._callers)]
        await asyncio.gather(*callers)

    async def _call(self, chance: random.Random) -> None:
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await chance.choices([self._ask, self._make_thing], [9, 1])[0](chance)
            except TimeoutError:
                self.ledger.wrong.append(f"neither an answer nor a refusal within {ANSWER_SECONDS} s")
            except (AssertionError, ValueError, LookupError) as error:
                self.ledger.wrong.append(f"not what the wire promises: {error!r:.500}")
            await asyncio.sleep(chance.uniform(0, 0.03))

    async def _ask(self, chance: random.Random) -> None:
        """One question, or two in a conversation."""
        wire = chance.choice(WIRES)
        path, body = await self._place(wire), wire.body("")
        if path is None:
            return
        for _ in range(chance.choice((1, 1, 2))):
            asked = self._question(wire, chance)
            self.ledger.asked.append(asked)
            body = {**body, **wire.body(asked.question)} | (
                {"sessionId": body["sessionId"]} if "sessionId" in body else {}
            )
            got = await self._post(path, wire, wire.complete_body(body, self._server.url, self._key(wire)), asked)
            if not asked.ended or self._stopping.is_set():
                return
            if isinstance(wire, AgentsWhole):
                body = {**body, **await self._rate(wire, json.loads(got)["data"])}

    def _question(self, wire: WireClient, chance: random.Random) -> Asked:
        number = next(_NUMBERS)
        words = [f"{number}-{word} " for word in range(chance.randint(0, 12))]
        cues: list[Mapping[str, Any]] = [{"text": word, "every": chance.choice((0, 0.001, 0.01))} for word in words]
        if chance.random() < 0.2:
            cues.insert(len(cues) // 2, {"call": "calculator", "args": {"expression": "6 * 7"}})
        return Asked(wire, script(*cues, {"text": f"{number}-last"}), "".join([*words, f"{number}-last"]))

    async def _place(self, wire: WireClient) -> str | None:
        """Where to ask for a new conversation; None where the server has none now."""
        if "{chat}" not in wire.path:
            return wire.path_for(self._server.url, self._key(wire))
        status, body = await self._request("POST", "/api/chats", wire.headers(self._key(wire)), {})
        if status != 201:
            return None
        self.ledger.chats.append(json.loads(body)["id"])
        return wire.path.format(chat=self.ledger.chats[-1])

    async def _make_thing(self, chance: random.Random) -> None:
        headers = {"Authorization": f"Bearer {self._keys['session']}"}
        status, body = await self._request("POST", "/stuff", headers, {"name": f"thing {chance.random()}"})
        if status == 201:
            self.ledger.things.append(json.loads(body)["id"])

    async def _rate(self, wire: WireClient, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What continues the conversation of the answer, which is rated."""
        name = answer["metadata"]["conversationId"]
        path = wire.path_for(self._server.url, self._key(wire)).removesuffix("/chat")
        path += f"/conversations/{name}/messages/{answer['id']}/feedback"
        status, _ = await self._request("PATCH", path, wire.headers(self._key(wire)), {"feedback": "positive"})
        if status == 200:
            self.ledger.rated.append(answer["id"])
        return {"conversationId": name}

    async def _post(self, path: str, wire: WireClient, body: Mapping[str, Any], asked: Asked) -> bytes:
        """The body of the answer, as far as it came."""
        begun = time.monotonic()
        async with exchange(self._server.port, "POST", path, wire.headers(self._key(wire)), body) as pieces:
            self._moments["asked"].set()
            data, last = b"", asked.answer.rpartition(" ")[2].encode()
            async for piece in pieces:
                data += piece
                self._note(asked, data)
                if last in data:
                    self._moments["last token"].set()
        status, body_bytes, _ = parsed(data)
        self.ledger.statuses[status] += 1
        if status == 503:
            self.ledger.slowest_refusal = max(self.ledger.slowest_refusal, time.monotonic() - begun)
        if status in (0, wire.status) or status in (409, 503):
            return body_bytes
        raise AssertionError(f"{wire} was answered {status}: {body_bytes[:300]!r}")

    def _note(self, asked: Asked, data: bytes) -> None:
        wire = asked.wire
        status, body, whole = parsed(data)
        if status != wire.status or not body or (not wire.streamed and not whole):
            return
        if wire.streamed and wire.final not in body:
            if not asked.begun and any(frame is not None for frame in wire.frames(body)):
                asked.begun = True
                self._moments["begun"].set()
            return
        asked.begun = True
        reply = wire.decode(body)
        if reply.error is None:
            assert reply.ended or not wire.streamed, body  # a whole one may tell of its workflow's run besides
            assert reply.text == asked.answer, (reply.text, asked.answer)
            asked.ended = True
            self._moments["ended"].set()

    async def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, bytes]:
        """Status and body, (0, b"") where the response is cut."""
        async with exchange(self._server.port, method, path, headers, body) as pieces:
            data = b"".join([piece async for piece in pieces])
        status, found, whole = parsed(data)
        self.ledger.statuses[status if whole else 0] += 1
        if not whole:
            return 0, b""
        assert status in (200, 201, 503), (status, found)
        return status, found

    def _key(self, wire: WireClient) -> str:
        return self._keys[wire.key_kind]
