"""Cross-origin requests: an allow-list, and the headers that browsers want on every response, errors included."""

import logging

from flask import Flask, Response, g, request

from app.http.identity import Caller
from app.http.services import services

log = logging.getLogger(__name__)

ALLOWED_HEADERS = "authorization, content-type, x-api-key, x-widget-api-key, idempotency-key, last-event-id"
EXPOSED_HEADERS = (
    "x-request-id, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, "
    "x-vercel-ai-ui-message-stream"
)
PREFLIGHT_SECONDS = 600


def share_with_origins(app: Flask) -> None:
    @app.after_request
    def share(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin and _is_allowed(origin.lower()):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
                response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        if request.method == "OPTIONS" and response.status_code == 200:
            response.status_code = 204
            del response.headers["Content-Type"]
        return response


def _is_allowed(origin: str) -> bool:
    """A preflight names no key, so whatever some key allows is allowed; a request's own key has been checked by now."""
    shared = services()
    if origin in shared.settings.allowed_origins:
        return True
    identity = g.get("identity")
    if isinstance(identity, Caller) and identity.key and identity.key.kind == "widget":
        return True
    try:
        return shared.keys.some_key_allows(origin)
    except Exception:
        # The answer is finished but for its headers: losing it, and the turn behind it, would be worse.
        log.exception("origins cannot be looked up")
        return False
