"""What webhooks are to be told, written in the transaction of the fact itself: who commits a fact tells of it.

A row of `deliveries` for each webhook that wants the event, and nothing where none does. deliveries.py has what becomes
of the rows.
"""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from app.store.tables import now
from app.store.trips import unanswered

# In words that both databases know.
_ADD = unanswered(
    text(
        "INSERT INTO deliveries (id, webhook, event, conversation_id, payload, created_at, next_at, attempts) "
        "VALUES (:id, :webhook, :event, :conversation, :payload, :time, :time, 0) ON CONFLICT (id) DO NOTHING"
    )
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which events a webhook wants, of which agents; None: of all."""

    webhook: str
    events: Collection[str]
    agents: Collection[str] | None = None

    def wants(self, agents: Collection[str]) -> bool:
        """Whether what happened to these agents is its business."""
        return self.agents is None or not set(self.agents).isdisjoint(agents)


class Outbox:
    def __init__(self, subscriptions: Sequence[Subscription] = ()) -> None:
        self._subscriptions = subscriptions
        self._events = frozenset(event for each in subscriptions for event in each.events)

    def wants(self, event: str) -> bool:
        """Whether any webhook does."""
        return event in self._events

    def add(
        self,
        connection: Connection,
        event: str,
        agents: Collection[str],
        data: Mapping[str, Any],
        *,
        conversation: str | None = None,
        once: str | None = None,
    ) -> None:
        """Write down what each webhook is to be told that wants the event. It goes with the `conversation`. What is
        told with the same `once` for the second time is not."""
        time = now()
        for each in self._subscriptions:
            if event in each.events and each.wants(agents):
                row = {
                    "id": _id(each.webhook, event, once) if once else uuid.uuid4().hex,
                    "webhook": each.webhook,
                    "event": event,
                    "conversation": conversation,
                    "payload": payload_of(event, time, data),
                    "time": time,
                }
                connection.execute(_ADD, row)


def payload_of(event: str, time: int, data: Mapping[str, Any]) -> str:
    """The body of a request, of which each try has the same: JSON in ASCII."""
    moment = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": event, "timestamp": moment, "data": data}, separators=(",", ":"))


def _id(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
