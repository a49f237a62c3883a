"""The way to Redis: one server, which is asked in one trip, has a quarter of a second for it, and is left alone for a
while when it fails."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from math import inf
from time import monotonic
from typing import Any, TypeVar

import gevent
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import InvalidResponse, OutOfMemoryError, RedisError
from redis.exceptions import TimeoutError as NoAnswerError
from redis.retry import Retry

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.25  # for an answer, with all that it takes: a free connection, its name, its handshake
_TICKS = 5  # in which they are counted: see _Patience
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0  # seconds; doubled from failure to failure
LOOK_SECONDS = 1.0  # for so long what /ready has found is told again
CONNECTIONS = 16  # of a worker: a trip takes a fraction of a millisecond, and further ones wait for a free connection
_LONGEST_REASON = 200  # characters: what a server that is no Redis answers may be a page

_PROBE = "redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) return {1}"
_START = f"redis.call('PUBLISH', KEYS[1], '') {_PROBE}"  # a user of Redis's may be allowed keys, and no channel

Answer = TypeVar("Answer")


class UnavailableError(Exception):
    """Redis has not answered in time, or not as it should, or is left alone because of that. Its text says why."""


class RedisClient:
    """Runs scripts on the server that `url` names. Connects with the first one.

    `secret` is the installation's: it is in the names of all keys, so that two installations may share a server, and
    makes nothing of addresses or accounts that are counted readable there.

    `reason` says why the server is of no use now, None where it is. The log tells when that begins and ends, where it
    `tells`.
    """

    def __init__(self, url: str, secret: str, *, tells: bool = True) -> None:
        self.reason: str | None = None
        self._tells = tells
        self._redis = Redis(connection_pool=_pool(url))
        self._secret = secret.encode()[: blake2b.MAX_KEY_SIZE]
        self._installation = self._digest("installation", 8)
        self._failed_at, self._well_since = -inf, -inf
        self._pause, self._try_at, self._looked = 0.0, -inf, -inf

    def key(self, kind: str, name: str) -> str:
        return f"parlance:{self._installation}:{kind}:{self._digest(name, 16)}"

    def _digest(self, text: str, size: int) -> str:
        return blake2b(text.encode(errors="surrogatepass"), digest_size=size, key=self._secret).hexdigest()

    def run(
        self, script: str, key: str, numbers: Sequence[int], read: Callable[[list[int]], Answer], *, tries: bool = True
    ) -> Answer:
        """What `read` makes of the numbers that the script returns; it raises ValueError for those that it would not
        return. Raises UnavailableError. Where the server has failed, only a call that `tries` finds out whether it
        works again: one that writes, since a full server still reads."""
        if self.reason and not (tries and self._is_due()):
            raise UnavailableError(self.reason)
        asked = monotonic()
        timer = _Patience()
        timer.start()
        try:
            found = read(_numbers(self._redis.register_script(script)([key], numbers)))
        except gevent.Timeout as timeout:
            if timeout is not timer:
                raise
            raise self._failed("no answer in time", asked) from timeout
        except Exception as error:  # whatever comes of what somebody else's server answers
            raise self._failed(reason_of(error), asked) from error
        finally:
            timer.close()
        self._succeeded(asked)
        return found

    def look(self) -> str | None:
        """Why the server is of no use now, None where it is; asked at most once in LOOK_SECONDS."""
        if monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = monotonic()
            with suppress(UnavailableError):
                self.run(_PROBE, self.key("probe", ""), [1000], len)
        return self.reason

    def close(self) -> None:
        """Its connections."""
        self._redis.connection_pool.disconnect()

    def _is_due(self) -> bool:
        """One caller tries, and the others do not wait for what comes of it."""
        now = monotonic()
        if now < self._try_at:
            return False
        self._try_at = now + 2 * WAIT_SECONDS
        return True

    def _failed(self, reason: str, asked: float) -> UnavailableError:
        if asked >= self._failed_at:  # else it was on its way when another failed, and says nothing new
            now = monotonic()
            settled = self.reason is None and now - self._well_since > LONGEST_PAUSE
            self._pause = FIRST_PAUSE if settled or not self._pause else min(2 * self._pause, LONGEST_PAUSE)
            self._failed_at, self._try_at = now, now + self._pause
            if self.reason is None and self._tells:
                log.warning("Redis is of no use: this worker counts alone", extra={"reason": reason})
            self.reason = reason
        return UnavailableError(reason)

    def _succeeded(self, asked: float) -> None:
        if self.reason and asked >= self._failed_at:
            self.reason, self._well_since = None, monotonic()
            log.info("Redis is of use again")


class _Patience(gevent.Timeout):
    """Ends after WAIT_SECONDS in which the worker had time: while it is busy with others the next tick does not begin,
    and Redis, which may have answered long ago, is not to blame."""

    def __init__(self) -> None:
        super().__init__(WAIT_SECONDS / _TICKS)
        self._ticks = _TICKS

    def _on_expiration(self, prev_greenlet: Any, ex: BaseException) -> None:
        self._ticks -= 1
        if not self._ticks:
            prev_greenlet.throw(ex)
            return
        self.timer.close()  # libev's have no time left when they have ended
        self.timer = gevent.get_hub().loop.timer(WAIT_SECONDS / _TICKS, priority=-1)
        self.timer.start(self._on_expiration, prev_greenlet, ex, update=True)


def why_not_reached(url: str) -> str | None:
    """What keeps a start from working with the server; None where nothing does. A full one is reached: workers count
    alone until there is room."""
    client = RedisClient(url, "start", tells=False)
    try:
        client.run(_START, "parlance:probe", [1000], len)
    except UnavailableError as error:
        if not isinstance(error.__cause__, OutOfMemoryError):
            return str(error)
    finally:
        client.close()
    return None


def reason_of(error: Exception) -> str:
    """What an exception of redis-py means, in a line for those who run the server."""
    if isinstance(error, NoAnswerError):
        return "no answer in time"
    if isinstance(error, OutOfMemoryError):
        return "full: it has no room under its maxmemory"
    known = isinstance(error, RedisError) and not isinstance(error, InvalidResponse)
    text = " ".join(str(error).split())[:_LONGEST_REASON]
    if known or isinstance(error, OSError):
        return text if isinstance(error, NoConnectionError | OSError) else f"it refuses: {text}"
    return "it answers as no Redis does"


def _numbers(found: object) -> list[int]:
    if not (isinstance(found, list) and all(isinstance(each, int) for each in found)):
        raise ValueError("no list of numbers")
    return found


def _pool(url: str) -> BlockingConnectionPool:
    """No health checks between two commands: each would be a trip more, a connection that has ended is noticed as it is
    taken from the pool, and any other fault within WAIT_SECONDS."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=10 * WAIT_SECONDS,  # _Patience ends sooner
        socket_timeout=WAIT_SECONDS,
        socket_connect_timeout=WAIT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,  # or each connection begins with two trips for a list of clients
    )
