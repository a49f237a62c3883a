"""What views use: the stores, the engine, the settings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from flask import current_app
from itsdangerous import URLSafeSerializer

from app.cluster.channel import Channel
from app.cluster.client import RedisClient
from app.cluster.telling import Telling
from app.engine.engine import Engine
from app.knowledge.search import KnowledgeSearch
from app.metrics.figures import Figures
from app.providers.circuit_breaker import CircuitBreaker
from app.settings.records import Settings
from app.store.answer_states import AnswerStates
from app.store.chats import ChatStore
from app.store.database import Database
from app.store.elsewhere import AnswersElsewhere
from app.store.histories import HistoryStore
from app.store.kept_requests import KeptRequests
from app.store.keys import KeyStore
from app.store.readiness import Readiness
from app.store.retention import Retention
from app.store.things import ThingStore
from app.store.tool_results import ToolResultStore
from app.store.unstored import RetryingStore
from app.store.unstored_runs import RetryingRunStore
from app.store.users import UserStore
from app.store.workers import Worker
from app.web.callers.sign_in_limits import SignInLimits
from app.web.callers.stored_bytes import StoredBytes
from app.web.callers.visitors import Visitors
from app.web.wire import Wire
from app.webhooks.sender import Sender
from app.workflows.catalogue import Catalogue
from app.workflows.checks import Rules

MOST_PATHS = 1000  # that are remembered, of at most so many characters: callers may name any
LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one worker that views use, made in app/wiring.py.

    - `worker`: this process, as one that makes answers.
    - `elsewhere`: the answers that other workers make.
    - `hints`: to other workers, None without Redis.
    - `telling`: what the answers of this worker say, to others where somebody listens; None without Redis.
    - `unstored`: the engine's conversations, and the answers that wait for the database.
    - `redis`: what workers share beside the database, None where there is one worker alone.
    - `runs`: of workflows, and the ends of those that wait for the database.
    - `rules`: what workflows may use, for the command line's checks.
    - `circuits`: the circuit breaker of each configured model, in the configuration's order.
    - `wires`: by name.
    - `figures`: what is counted, None where nothing is.
    - `signer`: signs what callers carry for the server, such as cursors, with the installation's secret.
    """

    settings: Settings
    database: Database
    worker: Worker
    redis: RedisClient | None
    unstored: RetryingStore
    readiness: Readiness
    keys: KeyStore
    histories: HistoryStore
    answers: AnswerStates
    kept_requests: KeptRequests
    elsewhere: AnswersElsewhere
    hints: Channel | None
    telling: Telling | None
    tool_results: ToolResultStore
    chats: ChatStore
    retention: Retention
    users: UserStore
    things: ThingStore
    runs: RetryingRunStore
    workflows: Catalogue
    rules: Rules
    sign_in_limits: SignInLimits
    stored_bytes: StoredBytes
    engine: Engine
    knowledge: KnowledgeSearch
    circuits: Sequence[CircuitBreaker]
    figures: Figures | None
    wires: Mapping[str, Wire]
    signer: URLSafeSerializer
    webhooks: Sender
    visitors: Visitors
    owners: dict[str, Wire | None] = field(default_factory=dict)
    """What `wire_of` remembers: it is asked several times in each request."""

    def wire_of(self, path: str) -> Wire | None:
        """The wire that owns the path, whether or not a route is there; None where no wire does."""
        try:
            return self.owners[path]
        except KeyError:
            plain = re.sub("/+", "/", path)
            closest = max(self.wires.values(), key=lambda wire: wire.owns(plain))
            owner = closest if closest.owns(plain) else None
            if len(self.owners) < MOST_PATHS and len(path) <= LONGEST_PATH:
                self.owners[path] = owner
            return owner


def services() -> Services:
    """Of the application that serves this request, or runs this command."""
    return cast("Services", current_app.extensions["parlance"])
