"""The way from one worker to another, through Redis's publishing, which keeps nothing: one channel for each worker.
What is lost costs the time until a row is looked at anyway."""

import logging
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from math import inf
from time import monotonic
from typing import Protocol

import gevent
from gevent.event import Event as Signal
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as NoAnswerError
from redis.retry import Retry

from app.cluster.client import FIRST_PAUSE, LONGEST_PAUSE, reason_of
from app.cluster.sealed_messages import Hear, Message, Seal
from app.engine.retelling import Piece

log = logging.getLogger(__name__)

TICK_SECONDS = 0.06  # between two messages to one worker: what comes up meanwhile goes in one
MOST_WAITING = 10_000  # hints; where there are more all are dropped
_CONNECT_SECONDS = 0.25
_ANSWER_SECONDS = 2  # for what was published
_LOOK_SECONDS = 1.0  # how long one wait for a message takes; where none comes, the server is asked whether it is there
_MOST_UNANSWERED = 3  # such questions: then the connection is deaf, of which nothing else tells
_PUBLISHING, _LISTENING = "publishing", "listening"


class Source(Protocol):
    """Of pieces; see telling.py."""

    def pause(self) -> float | None:
        """For how many seconds there is nothing to say without news; None for as long as there are none."""
        ...

    def pieces(self) -> Mapping[str, Sequence[Piece]]:
        """What there is to say now, by the ids of workers."""
        ...


class Channel:
    """Implements the engine's `Hints` port. `own` is this worker's id. `secret` is the installation's, and in the names
    of the channels, so that two installations may share a server.

    `problem` says why other workers are not told at once, or this one not by them; None where they are. The log tells
    when that begins and ends.
    """

    def __init__(self, url: str, secret: str, own: Callable[[], str]) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_CONNECT_SECONDS,
            health_check_interval=_LOOK_SECONDS,
            retry=Retry(NoBackoff(), 0),  # or what was published meanwhile is lost, and nobody hears that
            driver_info=None,
        )
        self._own = own
        key = secret.encode()[: blake2b.MAX_KEY_SIZE]
        self._prefix = blake2b(b"channel", digest_size=8, key=key).hexdigest()
        self._seal = Seal(secret.encode())
        self._source: Source | None = None  # once it has started
        self._waiting: dict[str, Message] = {}  # by whom they are for
        self._count = 0  # of the hints in them
        self._news = Signal()
        self._problems: dict[str, str] = {}  # of publishing, and of listening
        self._pause, self._try_at = FIRST_PAUSE, -inf  # of publishing

    @property
    def problem(self) -> str | None:
        return next(iter(self._problems.values()), None)

    def start(self, hear: Hear, source: Source) -> None:
        """`hear` is called with each message; it must not wait."""
        self._source = source
        gevent.spawn(self._publish, source)
        gevent.spawn(self._listen_again_and_again, hear)

    def tell(self, worker: str, answer_id: str) -> None:
        """See the port: waits for nothing."""
        self._to(worker).rows.add(answer_id)

    def follow(self, worker: str, answer_id: str, position: int | None = None) -> None:
        """See the port: waits for nothing. Of several positions the first counts."""
        message = self._to(worker)
        message.left.discard(answer_id)
        wanted = [at for at in (message.follows.get(answer_id), position) if at is not None]
        message.follows[answer_id] = min(wanted, default=None)

    def leave(self, worker: str, answer_id: str) -> None:
        """See the port: waits for nothing."""
        message = self._to(worker)
        message.follows.pop(answer_id, None)
        message.left.add(answer_id)

    def tell_now(self) -> None:
        """What has come up: for a worker that is about to end."""
        if self._source:
            self._publish_once(self._source)

    def wake(self) -> None:
        """The source of pieces has news."""
        self._news.set()

    def _to(self, worker: str) -> Message:
        """What is to be said to this worker next."""
        if self._count >= MOST_WAITING:
            self._waiting, self._count = {}, 0
        self._count += 1
        self._news.set()
        return self._waiting.setdefault(worker, Message(self._own()))

    def _address(self, worker: str) -> str:
        return f"parlance:{self._prefix}:worker:{worker}"

    def _publish(self, source: Source) -> None:
        while True:
            pauses = [source.pause(), self._pause if _PUBLISHING in self._problems else None]
            self._news.wait(min((pause for pause in pauses if pause), default=None))
            self._news.clear()
            try:
                self._publish_once(source)
            except Exception:
                log.exception("other workers are not told")
            gevent.sleep(TICK_SECONDS)

    def _publish_once(self, source: Source) -> None:
        """What has come up since the last time, in one trip. What Redis does not take is dropped."""
        messages, self._waiting, self._count = self._waiting, {}, 0
        for worker, pieces in source.pieces().items():
            messages.setdefault(worker, Message(self._own())).pieces = pieces
        fails = _PUBLISHING in self._problems
        if not (messages or fails) or monotonic() < self._try_at:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for worker, message in messages.items():
            pipeline.publish(self._address(worker), self._seal.closed(message, worker))
        if not messages:
            pipeline.publish(self._address(self._own()), b"")  # whether it works again, also where nobody listens
        try:
            pipeline.execute()
        except Exception as error:  # noqa: BLE001 - whatever comes of what somebody else's server answers
            self._failed(_PUBLISHING, error)
            self._try_at, self._pause = monotonic() + self._pause, min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._pause = FIRST_PAUSE
            self._works(_PUBLISHING)

    def _listen_again_and_again(self, hear: Hear) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                self._listen(hear)
                pause = FIRST_PAUSE
            except Exception as error:  # noqa: BLE001 - as above
                pause = FIRST_PAUSE if _LISTENING not in self._problems else min(2 * pause, LONGEST_PAUSE)
                self._failed(_LISTENING, error)
                gevent.sleep(pause)

    def _listen(self, hear: Hear) -> None:
        """For as long as the connection lasts, and this worker has the same id."""
        own = self._own()
        with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(self._address(own))
            while own == self._own():
                heard = subscription.get_message(timeout=_LOOK_SECONDS)
                if subscription.health_check_response_counter >= _MOST_UNANSWERED:
                    raise NoAnswerError("no answer in time")
                if heard or not subscription.health_check_response_counter:
                    self._works(_LISTENING)
                message = self._seal.opened(heard.get("data"), own) if heard else None
                if message:  # whatever somebody else publishes there is passed over
                    _hear(hear, message)

    def _failed(self, what: str, error: Exception) -> None:
        reason = reason_of(error)
        if not self._problems:
            log.warning("other workers are not told at once", extra={"reason": reason})
        self._problems[what] = reason

    def _works(self, what: str) -> None:
        if self._problems.pop(what, None) and not self._problems:
            log.info("other workers are told at once again")


def _hear(hear: Hear, message: Message) -> None:
    try:
        hear(message)
    except Exception:  # who stops listening is deaf for good
        log.exception("a message of another worker was not understood")
