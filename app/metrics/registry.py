"""All figures of GET /metrics: their names, types, labels, units and meanings. docs/metrics.md is made of this.

Labels hold names from the configuration and words that stand here, never what callers send: so the series have a bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NONE = "none"
"""The label of what belongs to no wire or has no model yet."""

OUTCOMES = ("complete", "interrupted", "failed", "refused")

POST_OUTCOMES = ("delivered", "failed", "given_up")


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. `unit` is that of its values; a counter's `name` ends in `_total`.

    `several` says how a gauge of several workers becomes one: their sum, the least or the most of them. `buckets` are a
    histogram's upper bounds.
    """

    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    unit: str
    meaning: str
    several: Literal["sum", "min", "max"] = "sum"
    buckets: Sequence[float] = ()


TURNS = Metric(
    "parlance_turns_total",
    "counter",
    ("wire", "agent", "model", "outcome"),
    "turns",
    f"Turns that have ended, by outcome: {', '.join(OUTCOMES)}",
)
FIRST_TOKEN = Metric(
    "parlance_first_token_seconds",
    "histogram",
    ("agent", "model"),
    "seconds",
    "From the beginning of a turn to the first output of its model",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60),
)
INTER_TOKEN = Metric(
    "parlance_inter_token_seconds",
    "histogram",
    ("agent", "model"),
    "seconds",
    "Mean time between two pieces of a complete answer, as they came from its model; one value for each turn",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2),
)
TOKENS = Metric(
    "parlance_tokens_total",
    "counter",
    ("agent", "model", "kind"),
    "tokens",
    "Tokens that models have told of, by kind: prompt, completion",
)
CREDITS = Metric("parlance_credits_total", "counter", ("agent", "model"), "credits", "What answers have cost")
REFUSALS = Metric(
    "parlance_refusals_total",
    "counter",
    ("wire", "reason"),
    "requests",
    "Requests that were answered with an error before anything else, by reason",
)
STREAMS = Metric("parlance_streams", "gauge", (), "answers", "Answers under way")
DATABASE_WAITING = Metric(
    "parlance_database_waiting",
    "gauge",
    ("kind",),
    "calls",
    "Calls that wait for the database, by kind: read, write",
)
DATABASE_CALLS = Metric(
    "parlance_database_calls_total",
    "counter",
    ("kind",),
    "calls",
    "Calls of the database that have ended, by kind: read, write",
)
DATABASE_SECONDS = Metric(
    "parlance_database_seconds_total",
    "counter",
    ("kind",),
    "seconds",
    "What these calls took, with the time that they waited, by kind: read, write",
)
CIRCUIT_OPEN = Metric(
    "parlance_circuit_open", "gauge", ("model",), "0 or 1", "1 while a worker passes the model over", several="max"
)
WEBHOOK_POSTS = Metric(
    "parlance_webhook_posts_total",
    "counter",
    ("webhook", "outcome"),
    "requests",
    f"Requests to webhooks, by outcome: {', '.join(POST_OUTCOMES)}",
)
REDIS_USED = Metric(
    "parlance_redis_used",
    "gauge",
    (),
    "0 or 1",
    "0 while Redis is of no use to a worker; there is no such figure without `REDIS_URL`",
    several="min",
)
KNOWLEDGE_READY = Metric(
    "parlance_knowledge_ready",
    "gauge",
    ("agent",),
    "0 or 1",
    "0 while a worker has no index of the documents that the agent may answer from",
    several="min",
)
START_TIME = Metric(
    "parlance_worker_start_time_seconds",
    "gauge",
    (),
    "seconds since 1970",
    "When the oldest worker that lives began to serve",
    several="min",
)
BUILD_INFO = Metric(
    "parlance_build_info", "gauge", ("version", "python"), "1", "The versions that serve; always 1", several="max"
)

METRICS = (
    TURNS,
    FIRST_TOKEN,
    INTER_TOKEN,
    TOKENS,
    CREDITS,
    REFUSALS,
    STREAMS,
    DATABASE_WAITING,
    DATABASE_CALLS,
    DATABASE_SECONDS,
    CIRCUIT_OPEN,
    WEBHOOK_POSTS,
    REDIS_USED,
    KNOWLEDGE_READY,
    START_TIME,
    BUILD_INFO,
)
