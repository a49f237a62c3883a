"""Moving windows in Redis: for each name the times of what still counts, by Redis's clock, so that workers of hosts
whose clocks differ count as one."""

from dataclasses import dataclass

from app.cluster.client import RedisClient

# Times are in milliseconds, the oldest first. Those that lie ahead are of before the clock was set back: without them
# nobody is locked out for as long as it was set back by. An amount of 0 looks. Returns whether it was admitted, how
# many count, and how long ago the oldest was.
_HIT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, span, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local last = redis.call('LINDEX', KEYS[1], -1)
while last and tonumber(last) > now do
  redis.call('RPOP', KEYS[1])
  last = redis.call('LINDEX', KEYS[1], -1)
end
local first = redis.call('LINDEX', KEYS[1], 0)
while first and tonumber(first) <= now - span do
  redis.call('LPOP', KEYS[1])
  first = redis.call('LINDEX', KEYS[1], 0)
end
local count, admitted = redis.call('LLEN', KEYS[1]), 0
if count + amount <= limit then
  for _ = 1, amount do
    redis.call('RPUSH', KEYS[1], now)
  end
  if amount > 0 then
    redis.call('PEXPIRE', KEYS[1], span)
    first = first or now
  end
  count, admitted = count + amount, 1
end
return {admitted, count, now - (first or now)}
"""
_GIVE_BACK = "redis.call('RPOP', KEYS[1]) return {1}"
_CLEAR = "redis.call('DEL', KEYS[1]) return {1}"


@dataclass(frozen=True, slots=True)
class Window:
    """What counts: `hits`, of which the oldest was `age` seconds ago; and whether what was asked for is among them."""

    admitted: bool
    hits: int
    age: float


class SharedWindows:
    """Those of one kind, which have names of their own. Every method raises UnavailableError."""

    def __init__(self, client: RedisClient, kind: str) -> None:
        self._client, self._kind = client, kind

    def hit(self, name: str, limit: int, span: float, amount: int = 1) -> Window:
        """Count `amount`, unless more than `limit` would count in `span` seconds then."""
        return self._client.run(_HIT, self._key(name), [limit, round(span * 1000), amount], _window)

    def look(self, name: str, limit: int, span: float) -> Window:
        """What counts, at a server that has not failed."""
        return self._client.run(_HIT, self._key(name), [limit, round(span * 1000), 0], _window, tries=False)

    def give_back(self, name: str) -> None:
        """Count the latest no more."""
        self._client.run(_GIVE_BACK, self._key(name), [], len, tries=False)

    def clear(self, name: str) -> None:
        self._client.run(_CLEAR, self._key(name), [], len, tries=False)

    def _key(self, name: str) -> str:
        return self._client.key(self._kind, name)


def _window(numbers: list[int]) -> Window:
    admitted, hits, age = numbers
    if admitted not in (0, 1) or hits < 0 or age < 0:
        raise ValueError("no window")
    return Window(bool(admitted), hits, age / 1000)
