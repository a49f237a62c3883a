"""Sends what webhooks are to be told: a greenlet for each webhook in each worker, so that none waits for another's
receiver."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import gevent

from app.engine.errors import StoreError
from app.providers.circuit_breaker import CircuitBreaker
from app.store.database import Database
from app.store.deliveries import Delivery, DeliveryStore
from app.store.faults import Lasting
from app.store.happenings import circuit_opened
from app.store.outbox import Outbox, Subscription
from app.webhooks.backoff import pause_after
from app.webhooks.options import Webhook
from app.webhooks.posting import Poster, PostError

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
AT_ONCE = 4  # requests to one webhook, of each worker
TIDY_SECONDS = 600.0
GONE = 410

_MOST_OPENED = 1000


def subscriptions(webhooks: Mapping[str, Webhook]) -> list[Subscription]:
    """What the outbox has to know of them."""
    return [Subscription(name, each.events, each.agents) for name, each in webhooks.items()]


class Sender:
    """`worker` tells this worker's id. `models` are the agents that each model answers for. `count` is called with a
    webhook and what became of a request to it: delivered, failed (it is tried again) or given_up."""

    def __init__(
        self,
        webhooks: Mapping[str, Webhook],
        database: Database,
        outbox: Outbox,
        worker: Callable[[], str],
        models: Mapping[str, frozenset[str]],
        *,
        count: Callable[[str, str], None] | None = None,
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = DeliveryStore(database)
        self._database, self._outbox, self._worker, self._models = database, outbox, worker, models
        self._count = count or (lambda _webhook, _outcome: None)
        self._poster = Poster()
        self._opened: deque[CircuitBreaker] = deque(maxlen=_MOST_OPENED)
        self._failing: set[str] = set()  # the webhooks of which the log has said so

    def start(self) -> Sequence["gevent.Greenlet[..., None]"]:
        """What works from here on; nothing where there are no webhooks."""
        if not self._webhooks:
            return []
        return [
            *(
                gevent.spawn(_forever, partial(self._send_due, name, webhook), POLL_SECONDS)
                for name, webhook in self._webhooks.items()
            ),
            gevent.spawn(_forever, self._tell_of_circuits, POLL_SECONDS),
            gevent.spawn(_forever, self._deliveries.delete_old, TIDY_SECONDS),
        ]

    def circuit_opened(self, circuit: CircuitBreaker) -> None:
        """Only noted down: whoever calls makes an answer."""
        if self._outbox.wants("model.circuit_opened"):
            self._opened.append(circuit)

    def _send_due(self, name: str, webhook: Webhook) -> None:
        while claimed := self._deliveries.claim(name, self._worker(), AT_ONCE):
            gevent.joinall([gevent.spawn(self._send, name, webhook, self._worker(), each) for each in claimed])

    def _send(self, name: str, webhook: Webhook, worker: str, delivery: Delivery) -> None:
        """Whose outcome cannot be stored is sent again when the claim is over."""
        try:
            answer = self._poster.post(webhook, delivery.id, delivery.payload)
            status, error, wait = answer.status, f"status {answer.status}", answer.wait
        except PostError as reason:
            status, error, wait = None, str(reason), None
        try:
            if status and 200 <= status < 300:
                self._told_of(name, None)
                self._deliveries.delivered(delivery, worker, status)
                self._count(name, "delivered")
            else:
                self._told_of(name, error)
                pause = None if status == GONE else pause_after(delivery.attempt, wait)
                self._deliveries.failed(delivery, worker, error, status, pause)
                self._count(name, "given_up" if pause is None else "failed")
        except StoreError:
            log.warning("what became of a delivery is not stored", extra={"webhook": name, "delivery": delivery.id})

    def _told_of(self, name: str, error: str | None) -> None:
        """The log hears of the first failure, and of the first success behind failures."""
        if error and name not in self._failing:
            self._failing.add(name)
            log.warning("webhook fails", extra={"webhook": name, "error": error})
        elif not error and name in self._failing:
            self._failing.remove(name)
            log.warning("webhook works again", extra={"webhook": name})

    def _tell_of_circuits(self) -> None:
        while self._opened:
            circuit = self._opened[0]
            agents = self._models.get(circuit.name, frozenset())
            tell = partial(circuit_opened, self._outbox, model=circuit.name, agents=agents, seconds=circuit.seconds)
            self._database.write(tell)
            self._opened.popleft()


def _forever(work: Callable[[], object], seconds: float) -> None:
    """Do it again and again, with pauses; where the database cannot be used, later."""
    failing = Lasting(log, "webhooks wait for the database")
    while True:
        try:
            work()
            failing.succeeded()
        except StoreError as error:
            failing.failed(error)
        except Exception:
            log.exception("webhooks are not served")
        gevent.sleep(seconds)
