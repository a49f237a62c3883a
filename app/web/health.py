"""For operators and load balancers: does the process live, and can it answer."""

from math import ceil

from flask import Blueprint, Response
from marshmallow import Schema, fields, validate

from app.cluster.channel import Channel
from app.cluster.client import RedisClient
from app.web.reference.operations import Content, Operation, Reference, Reply, ok
from app.web.responses.framing import json_response
from app.web.services import services

blueprint = Blueprint("health", __name__)


class HealthSchema(Schema):
    status = fields.String(required=True, validate=validate.OneOf(["ok"]))


class ChecksSchema(Schema):
    database = fields.String(required=True)
    agents = fields.Integer(required=True)
    streams = fields.Integer(required=True, metadata={"description": "Answers under way"})
    redis = fields.String(
        metadata={
            "description": "Where `REDIS_URL` is set: `ok`, or why this worker counts limits alone, or is not heard"
        }
    )
    models = fields.Dict(values=fields.String(), required=True)


class ReadySchema(Schema):
    status = fields.String(required=True, validate=validate.OneOf(["ready", "unready"]))
    checks = fields.Nested(ChecksSchema, required=True)


REFERENCE = Reference(
    about="What belongs to no wire: for operators and load balancers, and what the server brings along for browsers.",
    error={},
    operations=(
        Operation(
            "get",
            "/health",
            "Does the process live?",
            (ok("It does.", HealthSchema, {"status": "ok"}),),
            credential="none",
        ),
        Operation(
            "get",
            "/ready",
            "Can it answer?",
            (
                ok("It can.", ReadySchema),
                Reply(503, "The database cannot be read or written; `database` says why.", (Content(ReadySchema),)),
            ),
            credential="none",
        ),
    ),
)


@blueprint.get("/health")
def health() -> Response:
    """The process lives."""
    return json_response({"status": "ok"})


@blueprint.get("/ready")
def ready() -> Response:
    """The database can be read and written, in the shape that this version needs; 503 and the reason where not."""
    shared = services()
    problem = shared.readiness.problem()
    waits = {circuit.name: circuit.seconds_open() for circuit in shared.circuits}
    redis = {"redis": _told_of_redis(shared.redis, shared.hints)} if shared.redis else {}
    checks = {
        "database": problem or "ok",
        "agents": len(shared.settings.agents),
        "streams": len(shared.engine.running_turns),
        **redis,
        "models": {name: f"passed over for {ceil(wait)} s" if wait else "ok" for name, wait in waits.items()},
    }
    return json_response({"status": "unready" if problem else "ready", "checks": checks}, 503 if problem else 200)


def _told_of_redis(redis: RedisClient, channel: Channel | None) -> str:
    problem = redis.look()
    if problem:
        return f"limits are counted by each worker alone: {problem}"
    problem = channel.problem if channel else None
    return f"other workers are not told at once: {problem}" if problem else "ok"
