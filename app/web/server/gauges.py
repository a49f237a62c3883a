"""What is not counted as it happens but looked at: the gauges of one worker, once a second."""

import logging

import gevent

from app import VERSION
from app.metrics.figures import Figures
from app.metrics.registry import CIRCUIT_OPEN, DATABASE_WAITING, KNOWLEDGE_READY, REDIS_USED, STREAMS
from app.store.faults import Lasting
from app.web.services import Services

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 1.0


def sample(shared: Services, figures: Figures) -> None:
    """Set all gauges to what is so now, and count what was noted since the last time. It asks nobody: of Redis it tells
    what the latest call has found."""
    if not figures.started:
        return
    figures.set(STREAMS, len(shared.engine.running_turns))
    figures.count_database()
    for kind, lane in shared.database.lanes.items():
        figures.set(DATABASE_WAITING, lane.waiting, kind)
    for circuit in shared.circuits:
        figures.set(CIRCUIT_OPEN, circuit.seconds_open() > 0, circuit.name)
    for agent, ready in shared.knowledge.indexed().items():
        figures.set(KNOWLEDGE_READY, ready, agent)
    if shared.redis:
        figures.set(REDIS_USED, shared.redis.reason is None)


def start_figures(shared: Services) -> None:
    """Count in this worker from now on; where the files cannot be made, as soon as they can."""
    if shared.figures:
        failing = Lasting(log, "nothing is counted in this worker yet")
        _look(shared, shared.figures, failing)
        gevent.spawn(_look_always, shared, shared.figures, failing)


def _look_always(shared: Services, figures: Figures, failing: Lasting) -> None:
    while True:
        gevent.sleep(SAMPLE_SECONDS)
        _look(shared, figures, failing)


def _look(shared: Services, figures: Figures, failing: Lasting) -> None:
    if not figures.started:
        try:
            models = {name: agent.models for name, agent in shared.settings.agents.items()}
            figures.start(VERSION, models, shared.settings.webhooks)
        except OSError as error:
            failing.failed(error)
            return
        for kind, lane in shared.database.lanes.items():
            lane.timer = figures.database_timer(kind)
    try:
        sample(shared, figures)
    except Exception:
        log.exception("the gauges cannot be set")
