"""Amounts in Redis: for each name how much came in each hour of the last ones, by Redis's clock."""

from app.cluster.client import RedisClient

# Hours that lie ahead are of before the clock was set back. Returns, for each hour that counts, for how many seconds it
# still does, and how much came in it.
_ADD = """
local now, hours = tonumber(redis.call('TIME')[1]), tonumber(ARGV[2])
local hour, found = math.floor(now / 3600), {}
redis.call('HINCRBY', KEYS[1], hour, ARGV[1])
redis.call('EXPIRE', KEYS[1], (hours + 1) * 3600)
local kept = redis.call('HGETALL', KEYS[1])
for place = 1, #kept, 2 do
  local each = tonumber(kept[place])
  if each > hour or each < hour - hours then
    redis.call('HDEL', KEYS[1], kept[place])
  else
    found[#found + 1] = (each + hours + 1) * 3600 - now
    found[#found + 1] = tonumber(kept[place + 1])
  end
end
return found
"""


class SharedAmounts:
    """Those of one kind, which have names of their own."""

    def __init__(self, client: RedisClient, kind: str) -> None:
        self._client, self._kind = client, kind

    def add(self, name: str, amount: int, hours: int) -> dict[int, int]:
        """Count an amount, now. What counts by then of the last `hours` and the one that has begun, by the seconds for
        which it still does. Raises UnavailableError."""
        return self._client.run(_ADD, self._client.key(self._kind, name), [amount, hours], _by_seconds)


def _by_seconds(numbers: list[int]) -> dict[int, int]:
    found = dict(zip(numbers[::2], numbers[1::2], strict=True))
    if not found or min(numbers) < 0:
        raise ValueError("no amounts")
    return found
