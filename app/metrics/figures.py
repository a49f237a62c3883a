"""Counts what registry.py names, with prometheus_client, which is loaded where figures are wanted alone."""

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import Any

from app.engine.errors import ChatError, ModelError, Problem
from app.engine.turn import Turn
from app.metrics import slots
from app.metrics.registry import (
    BUILD_INFO,
    CREDITS,
    DATABASE_CALLS,
    DATABASE_SECONDS,
    FIRST_TOKEN,
    INTER_TOKEN,
    NONE,
    POST_OUTCOMES,
    REFUSALS,
    START_TIME,
    STREAMS,
    TOKENS,
    TURNS,
    WEBHOOK_POSTS,
    Metric,
)

_REASONS: Mapping[Problem, str] = {
    Problem.LIMITED: "limit",
    Problem.OVERLOADED: "room",
    Problem.EXHAUSTED: "budget",
    Problem.UNAUTHORIZED: "credential",
    Problem.INVALID: "bad_input",
    Problem.MALFORMED: "bad_input",
    Problem.UNSUPPORTED_TYPE: "bad_input",
    Problem.STORE_UNAVAILABLE: "database",
}
"""Those of one name stand together; all others have the problem's own."""


def reason_of(error: ChatError) -> str:
    """The label of a refusal. LIMITED without a time is about what runs: it passes when an answer ends."""
    if error.problem is Problem.LIMITED and error.retry_after is None:
        return "room"
    if error.problem is Problem.OVERLOADED and isinstance(error, ModelError):
        return "upstream_overloaded"
    return _REASONS.get(error.problem) or error.problem.name.lower()


class Figures:
    """What the workers of a server count together, in files in `folder`. Nothing is counted before `start`.

    All is called in the event loop's thread, but `text`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._series: dict[tuple[str, ...], Any] = {}  # by the metric's name and its labels' values
        self._collectors: dict[str, Any] = {}  # by the metric's name
        self._tallies: dict[str, list[float]] = {}  # calls of the database and their seconds, by kind, not counted yet
        self.started = False

    def start(self, version: str, models: Mapping[str, Sequence[str]], webhooks: Iterable[str] = ()) -> None:
        """Count from now on, as one worker more. `models` are those of each agent. Raises OSError where the files
        cannot be made: it may be called again."""
        slot = slots.take_slot(self.folder)
        from prometheus_client import values  # noqa: PLC0415 - it costs those nothing who want no figures

        # The library reads the variable as it opens a file, which is done below: programs that tools start are not to
        # count here.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.folder)
        try:
            values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]
            self.set(STREAMS, 0)
            self.set(START_TIME, time())
            self.set(BUILD_INFO, 1, version, platform.python_version())
            self._of(REFUSALS, NONE, "internal")
            for agent, names in models.items():
                for model in names:
                    self._of(FIRST_TOKEN, agent, model)
                    self._of(INTER_TOKEN, agent, model)
            for webhook in webhooks:
                for outcome in POST_OUTCOMES:
                    self._of(WEBHOOK_POSTS, webhook, outcome)
            self.started = True
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]

    def count_turn(self, turn: Turn) -> None:
        """Once for each turn, when it has ended."""
        if not self.started:
            return
        generation, agent = turn.generation, turn.question.agent.id
        model, usage = generation.model or NONE, generation.usage
        outcome = turn.status if turn.answer_id and turn.status else "refused"
        self._of(TURNS, turn.question.conversation.wire, agent, model, outcome).inc()
        if generation.first_token:
            self._of(FIRST_TOKEN, agent, model).observe(generation.first_token - turn.started)
        if usage.prompt_tokens:
            self._of(TOKENS, agent, model, "prompt").inc(usage.prompt_tokens)
        if usage.completion_tokens:
            self._of(TOKENS, agent, model, "completion").inc(usage.completion_tokens)
        if turn.credits:
            self._of(CREDITS, agent, model).inc(turn.credits)
        pause = generation.inter_token
        if pause is not None and outcome == "complete":
            self._of(INTER_TOKEN, agent, model).observe(pause)

    def count_refusal(self, wire: str | None, error: ChatError) -> None:
        """Of a request to this wire, or to none."""
        if self.started:
            self._of(REFUSALS, wire or NONE, reason_of(error)).inc()

    def count_post(self, webhook: str, outcome: str) -> None:
        """One of POST_OUTCOMES, of a request to this webhook."""
        if self.started:
            self._of(WEBHOOK_POSTS, webhook, outcome).inc()

    def database_timer(self, kind: str) -> Callable[[float], None]:
        """What is called with the seconds of each call of that kind; `count_database` counts them together, since a
        question makes several."""

        def add(seconds: float) -> None:
            tally[0] += 1
            tally[1] += seconds

        tally = self._tallies[kind] = [0, 0.0]
        return add

    def count_database(self) -> None:
        """What the timers were called with meanwhile."""
        for kind, tally in self._tallies.items():
            self._of(DATABASE_CALLS, kind).inc(tally[0])
            self._of(DATABASE_SECONDS, kind).inc(tally[1])
            tally[:] = 0, 0.0

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """A gauge of this worker."""
        self._of(metric, *labels).set(value)

    def text(self) -> tuple[bytes, str]:
        """What all workers have counted, and its content type. Takes some milliseconds: for a thread."""
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 - see above
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest  # noqa: PLC0415
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self.folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

    def _of(self, metric: Metric, *labels: str) -> Any:
        key = (metric.name, *labels)
        try:
            return self._series[key]
        except KeyError:
            collector = self._collectors.get(metric.name)
            if collector is None:
                collector = self._collectors[metric.name] = _collector(metric)
            series = self._series[key] = collector.labels(*labels) if labels else collector
            return series


def _collector(metric: Metric) -> Any:
    from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - see above

    about = metric.name, metric.meaning, metric.labels
    if metric.type == "counter":
        return Counter(*about, registry=None)
    if metric.type == "gauge":
        modes: Mapping[str, Any] = {"sum": "livesum", "min": "livemin", "max": "livemax"}
        return Gauge(*about, registry=None, multiprocess_mode=modes[metric.several])
    return Histogram(*about, registry=None, buckets=metric.buckets)
