"""How much callers without a credential may have the server store: so many bytes in a day for each address."""

import json
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from time import monotonic

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
    """Counts bytes by address, in this worker's memory, for a day and at most an hour more. `clock` is in seconds."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._clock = most, clock
        self._counted: OrderedDict[str, deque[tuple[int, int]]] = OrderedDict()  # (hour, bytes), oldest first

    def check(self, address: str) -> None:
        """Raises ChatError(LIMITED) where the address has had `most` or more stored, with the seconds until it has
        not."""
        hours = self._of(address)
        over = sum(size for _, size in hours) - self._most
        for hour, size in hours:
            over -= size
            if over < 0 <= over + size:
                wait = (hour + HOURS + 1) * 3600 - self._clock()
                raise ChatError(Problem.LIMITED, retry_after=max(math.ceil(wait), 1))

    def count(self, address: str, size: int) -> None:
        """Count bytes that were stored for the address, now."""
        hours, now = self._of(address), int(self._clock() // 3600)
        if hours and hours[-1][0] == now:
            size += hours.pop()[1]
        hours.append((now, size))
        self._counted[address] = hours
        self._counted.move_to_end(address)
        while len(self._counted) > MOST_ADDRESSES:
            self._counted.popitem(last=False)

    def _of(self, address: str) -> deque[tuple[int, int]]:
        """What was stored for the address, in the hours that count."""
        hours = self._counted.get(address, deque())
        oldest = int(self._clock() // 3600) - HOURS
        while hours and hours[0][0] < oldest:
            hours.popleft()
        return hours
