"""How much callers without a credential may have the server store: so many bytes in a day for each address."""

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from time import monotonic

from app.cluster.amounts import SharedAmounts
from app.cluster.client import UnavailableError
from app.engine.errors import ChatError, Problem
from app.engine.messages import Message
from app.store.parts import parts_to_json

_ROW_BYTES = 1500
"""What a question and its answer take in the database besides their texts: three rows and their entries in indexes."""
HOURS = 24
MOST_ADDRESSES = 100_000
"""That are remembered, each with about 400 bytes, at most 2 kB; of more, the one that was counted longest ago is
forgotten."""


def stored_size(said: Sequence[Message]) -> int:
    """How many bytes a question and its answer take in the database."""
    return _ROW_BYTES + sum(len(json.dumps(parts_to_json(message))) for message in said)


class StoredBytes:
    """Counts bytes by address, for a day and at most an hour more: in this worker's memory, and in `shared`, where
    there is one, by all workers. `clock` is in seconds.

    With `shared` a worker learns what others have counted for an address when it counts something itself: to ask before
    each question, too, would be a trip for what is known but for the address's first question here.
    """

    def __init__(
        self, most: int, shared: SharedAmounts | None = None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._shared, self._clock = most, shared, clock
        self._counted: OrderedDict[str, dict[int, int]] = OrderedDict()  # bytes by the second until which they count

    def check(self, address: str) -> None:
        """Raises ChatError(LIMITED) where the address has had `most` or more stored, with the seconds until it has
        not."""
        counting = self._of(address)
        over = sum(counting.values()) - self._most
        for until, size in sorted(counting.items()):
            over -= size
            if over < 0 <= over + size:
                raise ChatError(Problem.LIMITED, retry_after=max(math.ceil(until - self._clock()), 1))

    def count(self, address: str, size: int) -> None:
        """Count bytes that were stored for the address, now."""
        self._counted[address] = self._add_to_shared(address, size) or self._add_to_own(address, size)
        self._counted.move_to_end(address)
        while len(self._counted) > MOST_ADDRESSES:
            self._counted.popitem(last=False)

    def _add_to_shared(self, address: str, size: int) -> dict[int, int] | None:
        """What counts then at all workers; None where that is not known."""
        if self._shared is None:
            return None
        try:
            counting = self._shared.add(address, size, HOURS)
        except UnavailableError:
            return None
        now = int(self._clock())
        return {now + seconds: each for seconds, each in counting.items()}

    def _add_to_own(self, address: str, size: int) -> dict[int, int]:
        counting, until = self._of(address), (int(self._clock() // 3600) + HOURS + 1) * 3600
        return counting | {until: counting.get(until, 0) + size}

    def _of(self, address: str) -> dict[int, int]:
        """What was stored for the address and counts."""
        now = self._clock()
        return {until: size for until, size in self._counted.get(address, {}).items() if until > now}
