"""Hundreds of callers who do as they please, and the model server that answers them, all in one event loop."""

import asyncio
import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from support.wires import STREAMS

from app.testing.model_server import LAST, chunk, head
from app.testing.provider_apis import OPENAI
from app.testing.server import new_session_id
from app.testing.sockets import request
from app.testing.wire_client import WireClient

SIP, GULP = 8192, 65536  # bytes
CUT_OFF = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Plan:
    """How the model is to answer. It stands in the question."""

    wait: float
    tokens: int
    pace: float
    size: int = 1

    @property
    def question(self) -> str:
        return json.dumps(asdict(self))

    @property
    def texts(self) -> list[str]:
        """No two begin alike."""
        return [f"{number} ".ljust(self.size, "z") for number in range(self.tokens)]


@dataclass(frozen=True)
class Relay:
    """Whom to ask."""

    port: int
    keys: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Wave:
    """What became of the questions of some callers."""

    whole: list[tuple[WireClient, Plan, bytes]] = field(default_factory=list)  # what came up to the terminator
    left: int = 0
    broken: list[bytes] = field(default_factory=list)  # what came instead of the token that a caller waited for


class ModelServer:
    """Speaks OpenAI's API. `connections` are open, `streams` of them have a question that is being answered."""

    def __init__(self) -> None:
        self.connections = 0
        self.streams = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(*CUT_OFF):
            while not reader.at_eof():
                top = await reader.readuntil(b"\r\n\r\n")
                length = int(top.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                self.streams += 1
                try:
                    await self._answer(Plan(**json.loads(asked["messages"][-1]["content"])), reader, writer)
                finally:
                    self.streams -= 1
        writer.close()
        with contextlib.suppress(*CUT_OFF):
            await writer.wait_closed()
        self.connections -= 1

    @staticmethod
    async def _answer(plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head())
        await asyncio.sleep(plan.wait)
        for text in plan.texts:
            if reader.at_eof():
                raise ConnectionAbortedError
            writer.write(chunk(OPENAI.text(text)))
            await writer.drain()
            await asyncio.sleep(plan.pace)
        writer.write(chunk(OPENAI.end()) + LAST)


class Connection:
    """A caller's. One who swallows takes little at a time, and waits so many seconds before more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallow: float) -> None:
        self._reader, self._writer, self._swallow = reader, writer, swallow

    @classmethod
    async def to(cls, port: int, swallow: float = 0) -> Self:
        connection = socket.socket()
        if swallow:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIP)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=SIP if swallow else GULP)
        return cls(reader, writer, swallow)

    async def ask(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        self._writer.write(request(path, json.dumps(body).encode(), headers))
        await self._writer.drain()

    async def read(self, wanted: bytes) -> bytes:
        """Up to what is wanted, or to the end."""
        got = bytearray()
        with contextlib.suppress(*CUT_OFF):
            while got.find(wanted, max(len(got) - GULP - len(wanted), 0)) < 0:
                piece = await self._reader.read(SIP if self._swallow else GULP)
                if not piece:
                    break
                got += piece
                if self._swallow:
                    await asyncio.sleep(self._swallow)
        return bytes(got)

    async def close(self, *, reset: bool = False) -> None:
        if reset:
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._writer.close()
        with contextlib.suppress(*CUT_OFF):
            await self._writer.wait_closed()


class Visitor:
    """Comes, asks in one of four manners, and comes again until the time is over."""

    def __init__(self, wave: Wave, relay: Relay, chance: random.Random, until: float, pace: float) -> None:
        self._wave, self._relay, self._chance, self._until, self._pace = wave, relay, chance, until, pace
        self._wire = chance.choice(STREAMS)
        self._key = relay.keys[self._wire.key_kind]

    async def visit(self) -> None:
        manners: list[Callable[[], Awaitable[None]]] = [self._stay, self._sip, self._leave_early, self._leave_later]
        # A connection that is open before its question is ready may have to wait longer than the server does.
        self._who = await asyncio.to_thread(self._wire.complete_body, {}, self._relay.url, self._key)
        await asyncio.sleep(self._pace * self._chance.uniform(0, 4))
        while time.monotonic() < self._until:
            (manner,) = self._chance.choices(manners, [6, 2, 3, 4])
            await manner()

    def _plan(self, size: int = 1) -> Plan:
        chance, pace = self._chance, self._pace
        return Plan(pace * chance.uniform(0.1, 4), chance.randint(5, 8), pace * chance.uniform(0.7, 1.5), size)

    async def _place(self) -> str:
        """The path for a new conversation."""
        return await asyncio.to_thread(self._wire.path_for, self._relay.url, self._key)

    async def _asked(
        self, plan: Plan, name: str = "", swallow: float = 0, on: Connection | None = None, path: str = ""
    ) -> Connection:
        path = path or await self._place()
        connection = on or await Connection.to(self._relay.port, swallow)
        body = {**self._wire.body(plan.question), **self._who}
        if name and "sessionId" in body:
            body["sessionId"] = name
        await connection.ask(path, self._wire.headers(self._key), body)
        return connection

    async def _read_all(self, plan: Plan, connection: Connection) -> bool:
        """Whether the terminator came."""
        got = await connection.read(b"\r\n" + LAST)
        self._wave.whole.append((self._wire, plan, got))
        return got.endswith(LAST)

    async def _stay(self) -> None:
        """For a second question to the same session, on the same connection."""
        name, path, connection = new_session_id(), await self._place(), None
        for plan in (self._plan(), self._plan()):
            connection = await self._asked(plan, name, on=connection, path=path)
            if not await self._read_all(plan, connection) or time.monotonic() > self._until:
                break
        if connection:
            await connection.close()

    async def _sip(self) -> None:
        """A little at a time, and always behind."""
        plan = self._plan(10_000)
        connection = await self._asked(plan, swallow=self._pace / 4)
        await self._read_all(plan, connection)
        await connection.close()

    async def _leave_early(self) -> None:
        plan = self._plan()
        connection = await self._asked(plan)
        await asyncio.sleep(self._chance.uniform(0, plan.wait))
        await connection.close()
        self._wave.left += 1

    async def _leave_later(self) -> None:
        plan = self._plan()
        connection = await self._asked(plan)
        wanted = f'"{plan.texts[self._chance.randrange(plan.tokens - 1)]}'.encode()
        got = await connection.read(wanted)
        if wanted not in got:
            self._wave.broken.append(got)
        await connection.close(reset=self._chance.random() < 0.5)
        self._wave.left += 1


class Crowd:
    """Use with `with`: the event loop, in a thread of its own, and the model server in it at `url`."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.model = ModelServer()
        self._listener = self._run(asyncio.start_server(self.model.serve, "127.0.0.1", 0, backlog=1024)).result(10)
        self.url = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wave(self, relay: Relay, callers: int, seconds: float, pace: float, seed: int) -> "Future[Wave]":
        """So many callers, who ask no more when the time is over. An answer takes 16 seconds times the pace at most."""
        wave, until = Wave(), time.monotonic() + seconds
        chances = [random.Random(f"{seed} {number}") for number in range(callers)]

        async def all_of_them() -> Wave:
            await asyncio.gather(*(Visitor(wave, relay, chance, until, pace).visit() for chance in chances))
            return wave

        return self._run(all_of_them())

    def _run(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _stop(self) -> None:
        self._listener.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
