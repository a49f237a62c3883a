"""For operators and load balancers: does the process live, and can it answer."""

import logging

from flask import Blueprint, Response

from app.http.services import services
from app.http.wire import json_response
from app.store.schema import is_current

log = logging.getLogger(__name__)

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> Response:
    """The process lives."""
    return json_response({"status": "ok"})


@blueprint.get("/ready")
def ready() -> Response:
    """The database answers in the shape this version needs; 503 and the reason where it does not."""
    shared = services()
    try:
        problem = None if shared.database.read(is_current) else "the database needs migrating: run `flask prepare`"
    except Exception:
        log.exception("the database does not answer")
        problem = "the database does not answer"
    waits = {circuit.name: circuit.wait() for circuit in shared.circuits}
    checks = {
        "database": problem or "ok",
        "agents": len(shared.settings.agents),
        "streams": len(shared.engine.live),
        "models": {name: f"passed over for {wait:.0f} s" if wait else "ok" for name, wait in waits.items()},
    }
    return json_response({"status": "unready" if problem else "ready", "checks": checks}, 503 if problem else 200)
