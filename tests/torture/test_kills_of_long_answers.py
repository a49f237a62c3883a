"""kill -9 in the midst of long answers, whose callers listen, or have left and ask again: what was acknowledged is
there, and so is what was said up to five seconds before; all is paid for once, and nothing is held any more."""

import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.torture import scaled, seed
from support.wires import STREAMS
from torture.checker import faults, is_sound, wait_until_quiet
from torture.servers import Victim, keys_of, sign_up
from torture.workload import PRICE, Ledger

from app.store.checkpoints import CHECKPOINT_SECONDS
from app.testing.caller import Caller
from app.testing.repeating_suite import Repeated
from app.testing.server import script
from app.testing.wire_client import WireClient

TURNS = scaled(100, 1000)
AT_ONCE = 50  # for each of which the worker is killed once
SAVING_SECONDS = 1.5  # for a checkpoint to be written, on a machine with more to do
PARTS = "SELECT a.status, a.parts, a.credits FROM messages AS q JOIN messages AS a USING (conversation_id) WHERE "
ANSWERS = f"{PARTS} q.role = 'user' AND a.role = 'assistant' AND json_extract(q.parts, '$[0].text') = ?"


@dataclass
class Turn:
    """One question; `heard` has for each word of its answer when it came."""

    number: int
    words: list[str]
    repeated: Repeated
    leaves: float  # seconds after which its caller leaves
    is_begun: bool = False
    is_ended: bool = False
    heard: list[float] = field(default_factory=list)

    @classmethod
    def new(cls, number: int, wire: WireClient, victim: Victim, key: str, chance: random.Random) -> "Turn":
        words = [f"{number}-{word} " for word in range(chance.randint(1, 60))]
        pace = chance.choice((0.02, 0.1, 0.3))
        cues = [{"text": word, "every": pace} for word in words]
        leaves = chance.choice((600.0, 600.0, chance.uniform(0, 5)))
        return cls(number, words, Repeated(Caller(wire, victim, key), script(*cues)), leaves)

    def listen(self) -> None:
        """To the end, until the server is killed, or until the caller leaves."""
        deadline, got = time.monotonic() + self.leaves, b""
        word = re.compile(rb'"%d-\d+ "' % self.number)
        with suppress(ConnectionError, TimeoutError), self.repeated.open() as connection:
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(min(left, 60))
                piece = connection.recv(65536)
                if not piece:
                    return
                got += piece
                now = time.monotonic()
                self.heard += [now] * (len(word.findall(got)) - len(self.heard))
                self.is_begun = self.is_begun or (b" 200 OK" in got and b"conversationId" in got) or bool(self.heard)
                self.is_ended = self.is_ended or self.repeated.caller.wire.final in got

    def heard_before(self, moment: float) -> int:
        """How many words."""
        return sum(came < moment for came in self.heard)

    def lost(self, killed: float) -> str | None:
        """In words, what is not as it should be, of an answer in whose midst the worker was killed, or not."""
        rows = self.repeated.caller.server.rows(ANSWERS, self.repeated.question)
        if len(rows) != 1:
            return f"{len(rows)} answers" if rows or self.is_begun else None
        (row,), whole = rows, "".join(self.words)
        said = "".join(part["text"] for part in json.loads(row["parts"]) if part["type"] == "text")
        old = self.heard_before(killed - CHECKPOINT_SECONDS - SAVING_SECONDS)
        if self.is_ended and (row["status"], said) != ("complete", whole):
            return f"ended, and is {row['status']}: {said!r}"
        if not whole.startswith(said) or not said.startswith("".join(self.words[:old])):
            return f"{old} words of {len(self.heard)} were old enough, kept is {said!r}"
        if row["credits"] != (PRICE if said else 0):
            return f"costs {row['credits']}: {said!r}"
        again = self.repeated.ask()  # of an answer of which nothing is left, and nothing paid, another one
        if self.repeated.caller.wire.decode(again.content).text != (said or whole):
            return f"asked again is {again.content!r}, kept is {said!r}"
        return None


def keys(victim: Victim) -> dict[str, str]:
    return keys_of(victim) | sign_up(victim)


@pytest.mark.timed(tries=1)
def test_what_was_said_five_seconds_before_a_kill_is_kept_and_paid_for_once(tmp_path: Path, record_property) -> None:
    chance, start, old, cut = random.Random(seed()), time.monotonic(), 0, 0
    with Victim(tmp_path / "server") as victim, ThreadPoolExecutor(AT_ONCE) as pool:
        credentials = keys(victim)
        for first in range(0, TURNS, AT_ONCE):
            wires = [chance.choice(STREAMS) for _ in range(AT_ONCE)]
            turns = [
                Turn.new(first + number, wire, victim, credentials[wire.key_kind], chance)
                for number, wire in enumerate(wires)
            ]
            listening = [pool.submit(turn.listen) for turn in turns]
            time.sleep(chance.uniform(4, 13))
            killed = time.monotonic()
            victim.kill_worker()
            victim.new_worker()
            for each in listening:
                each.result()
            wait_until_quiet(victim)
            wrong = {f"{turn.repeated.caller.wire} {turn.number}": turn.lost(killed) for turn in turns}
            assert not {name: each for name, each in wrong.items() if each}, f"PARLANCE_TORTURE_SEED={seed()}"
            assert faults(victim, Ledger()) == []
            left = [turn for turn in turns if turn.is_begun and not turn.is_ended]
            cut += len(left)
            old += sum(turn.heard_before(killed - CHECKPOINT_SECONDS - SAVING_SECONDS) for turn in left)
        assert is_sound(victim)
    assert cut > TURNS / 10, "the kills came too late to show anything"
    assert old > TURNS / 2, "the kills came too early to show anything"
    seconds = time.monotonic() - start
    record_property(
        "told", f"{TURNS} turns, {TURNS // AT_ONCE} kills, {cut} cut, {old} of their words old: {seconds:.0f} s"
    )
