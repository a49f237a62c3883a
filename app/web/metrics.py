"""GET /metrics, for Prometheus: what all workers of this server have counted. It is there where
PARLANCE_METRICS_TOKEN is set."""

from hmac import compare_digest

from flask import Blueprint, Response, request
from gevent.threadpool import ThreadPool

from app.engine.errors import ChatError, Problem
from app.web.callers.credentials import BearerKey
from app.web.reference.operations import Content, Operation, Reply
from app.web.responses.errors import error_response
from app.web.server.gauges import sample
from app.web.services import services

blueprint = Blueprint("metrics", __name__)

OPERATIONS = (
    Operation(
        "get",
        "/metrics",
        "What is counted, for Prometheus",
        (
            Reply(200, "The figures, as text.", (Content({"type": "string"}, type="text/plain"),)),
            Reply(401, "`Authorization` is not `Bearer`, a space, and the token of `PARLANCE_METRICS_TOKEN`."),
        ),
        credential="none",
    ),
)

_threads: list[ThreadPool] = []  # one, from the first request on


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus's text format; 401 without the token."""
    shared = services()
    figures, token = shared.figures, shared.settings.metrics_token
    assert figures
    assert token
    if not compare_digest(BearerKey().presented(request) or b"", token.encode()):
        response = error_response(ChatError(Problem.UNAUTHORIZED))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if not _threads:
        _threads.append(ThreadPool(1))
    sample(shared, figures)
    text, content_type = _threads[0].apply(figures.text)
    return Response(text, content_type=content_type)
