"""What the settings are once they are loaded: plain records. load.py makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.engine.agent import Agent
from app.webhooks.options import Webhook


@dataclass(frozen=True, slots=True)
class Server:
    """The [server] table: what one worker grants its callers. Seconds are of the monotonic clock.

    Worst cases, with the defaults in brackets:

    - Bodies: each connection may hold `body_bytes` (256 KiB) for `body_seconds` (20). gunicorn accepts 3 * `streams` +
      2,000 connections (5,000), so bodies that are being read take at most 1.3 GB. One may hold 20,000 lists and
      objects, and is looked at in one piece: of 256 KiB, for less than 50 ms, in which nobody else is served; longer
      where it may be larger.
    - Turns: `streams` (1,000) run at once, each with about 35 kB, its question, the history that is sent to the model,
      and the answer so far, at most `answer_bytes` (1 MiB): 35 MB and these texts. An address, a user, a visitor for
      whom a site vouches, or an address with a widget key has at most `streams_per_caller` (10) of them, a key over all
      addresses `streams_per_key` (200), and all callers without key and account together half of `streams`. So it takes
      50 addresses to keep others without a key from being answered, and five keys, each from 20 addresses if it is a
      widget's, to keep everybody.
    - A turn lasts `answer_seconds` (900), and then at most until its caller has taken what is being sent, or
      `send_seconds` have passed for it. One whose caller has left goes on as `when_left` of its agent says, and for
      `rejoin_seconds` (30) where its caller may come back; it counts as one that runs.
    - An address without key and account has the server store `stored_bytes_per_day` (20 MB) in any 24 hours, and what
      the answers add that run when these are reached: `streams_per_caller` times `answer_bytes` (10 MB). Each of many
      addresses has so much, and nothing is deleted by itself unless `[retention]` says so.
    - A caller who connects and sends nothing, or half a body, holds a connection for 5 s (gunicorn's keep-alive) or for
      `body_seconds`, and no turn. One address has at most half of the connections, where no proxy stands in front. A
      caller who takes nothing of what is sent holds a turn for `send_seconds` (30).
    - A silent model holds a turn for as long as the model's own `timeouts` allow; its caller gets a keep-alive
      whenever nothing else was sent for `heartbeat_seconds` (15).
    - A failing model delays an answer by `retry_seconds` (0.5), or by up to 10 s if its server asks for that. After
      `circuit_failures` (5) in a row it is not asked for `circuit_seconds` (30).
    - The database: what a request reads or writes there begins within 5 s each time, or is refused with 503: to learn
      who calls, to store the question, to store the answer. At most 1,000 calls wait for reading, and for writing, or
      twice `streams` where that is more; further ones are refused at once.
    - A stop takes `shutdown_seconds` (25), and at most 10 s more until gunicorn kills the worker.
    """

    heartbeat_seconds: float
    body_bytes: int
    body_seconds: float
    send_seconds: float
    streams: int
    streams_per_caller: int
    streams_per_key: int
    answer_seconds: float
    rejoin_seconds: float
    answer_bytes: int
    stored_bytes_per_day: int
    shutdown_seconds: float
    retry_seconds: float
    circuit_failures: int
    circuit_seconds: float
    log_messages: bool
    playground: bool
    sign_up: bool
    reference: bool


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens, in the `currency` (ISO 4217)."""

    input: Decimal
    output: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A model: its provider, that provider's options, what an answer costs (in credits, and what its tokens cost the
    operator, where that is known), and what callers may call it besides."""

    provider: str
    options: dict[str, Any]
    credits: int = 1
    aliases: tuple[str, ...] = ()
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class WorkflowSettings:
    """The [workflows] table: glob patterns of the files, and the most that one run of any workflow may take."""

    files: tuple[str, ...]
    seconds: float
    tool_calls: int
    model_calls: int


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """The [retention] table: days since a conversation's last activity, of all (None: they stay), of agents and of
    wires; and of rows of the audit log."""

    days: int | None
    agents: Mapping[str, int]
    channels: Mapping[str, int]
    audit_days: int


@dataclass(frozen=True, slots=True)
class OperatorFiles:
    """What parlance.toml says of files that an operator keeps beside it: modules with tools, and workflows.

    The settings only name them; app/configuration.py imports and reads them.
    """

    config: Path
    """parlance.toml itself; modules are looked for in its folder, and relative patterns start there."""
    tools: Mapping[str, Mapping[str, Any]]
    """The options of each tool that has a table [tools.NAME], by its name."""
    workflows: WorkflowSettings | None
    """None where this table holds a mistake."""
    followed: Mapping[str, str]
    """The name of the workflow that an agent follows, by the agent's id."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment and parlance.toml say.

    `secret_key` is None where the home folder holds it (secret.py), `metrics_token` where nothing is counted. `hosts`
    are the names that requests may ask for, any where there are none. `limits` holds each wire's rate limit in
    flask-limiter's notation.
    """

    port: int
    home: Path
    secret_key: str | None = field(repr=False)
    database_url: str
    redis_url: str | None
    metrics_token: str | None = field(repr=False)
    workers: int
    trusted_hops: int
    hosts: frozenset[str]
    allowed_origins: frozenset[str]
    server: Server
    models: Mapping[str, ModelSettings]
    agents: Mapping[str, Agent]
    limits: Mapping[str, str]
    retention: RetentionSettings
    webhooks: Mapping[str, Webhook]
    files: OperatorFiles

    @property
    def default_agent(self) -> Agent:
        """The agent of callers who name none: the public one, else the first."""
        return self.public_agent or next(iter(self.agents.values()))

    @property
    def answering_models(self) -> Mapping[str, ModelSettings]:
        """All but those that agents name for embeddings alone."""
        agents = self.agents.values()
        embedding = {agent.embeddings for agent in agents}.difference(*(agent.models for agent in agents))
        return {name: model for name, model in self.models.items() if name not in embedding}

    def model_called(self, name: str) -> str | None:
        """The answering model of that name or alias."""
        models = self.answering_models.items()
        return next((each for each, model in models if name == each or name in model.aliases), None)

    @property
    def public_agent(self) -> Agent | None:
        """The agent that callers without a credential reach."""
        return next((agent for agent in self.agents.values() if agent.public), None)
