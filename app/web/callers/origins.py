"""Cross-origin requests: an allow-list, and the headers that browsers want on every response, errors included."""

import logging
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from app.engine.errors import ChatError, Problem, StoreError
from app.store.keys import Key, normalised_origin
from app.web.callers.caller import Caller
from app.web.routing import current_operation
from app.web.services import services

log = logging.getLogger(__name__)

# The AI SDK names itself in User-Agent, which some browsers then ask for; the last three are of pages that are traced.
ALLOWED_HEADERS = (
    "authorization, authentication, content-type, x-api-key, x-widget-api-key, x-visitor, idempotency-key, "
    "last-event-id, user-agent, x-request-id, traceparent, tracestate"
)
EXPOSED_HEADERS = (
    "x-request-id, retry-after, link, authentication, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, "
    "x-vercel-ai-ui-message-stream, x-turn-id, idempotency-replayed"
)
PREFLIGHT_SECONDS = 600
OTHER_SITE = "Pages of this origin may not do that"


def allow_origins(app: Flask) -> None:
    """CORS: headers that let pages of allowed origins read a response, errors and preflights included."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin and _may_read(origin.lower()):
            response.headers["Access-Control-Allow-Origin"] = origin
            if _may_send_credentials(origin.lower()):
                response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
                response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        if request.method == "OPTIONS" and response.status_code == 200:
            response.status_code = 204
            del response.headers["Content-Type"]
        return response


def refuse_other_sites() -> None:
    """Raises ChatError(FORBIDDEN) for a page of a foreign origin: one that is neither this server's own nor on the
    operator's list. Browsers send cookies from any site's page, and name the page's origin, or at least whether it is
    of another site (Fetch Metadata). Programs that are no browsers send neither."""
    origin = request.headers.get("Origin")
    if origin is None:
        foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
    else:
        foreign = not _is_trusted(origin)
    if foreign:
        raise ChatError(Problem.FORBIDDEN, OTHER_SITE)


def may_return_to(url: str) -> bool:
    """Whether a browser may be sent there: a path of the site, or a page of an origin that may post here. What is
    taken for a path must be one to every reader: it has no backslash, control character or encoded slash."""
    if url.startswith("/"):
        return not re.match(r"//|.*[\\\x00-\x20\x7f]|[^?#]*%(?:2f|5c)", url, re.IGNORECASE | re.DOTALL)
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return _is_trusted(f"{parts.scheme}://{parts.netloc}") and url.isprintable() and "\\" not in url


def _is_trusted(origin: str) -> bool:
    return _is_listed(origin.lower()) or _is_own(origin)


def _is_own(origin: str) -> bool:
    """Whether it is this server's, under whatever scheme: a proxy may hide it."""
    try:
        named = normalised_origin(origin)
        return named == normalised_origin(f"{urlsplit(named).scheme}://{request.host}")
    except ValueError:
        return False


def _may_read(origin: str) -> bool:
    """Whether a page of this origin may read the response. What keys allow holds on wires of keys alone: a cookie is
    sent without the page knowing it."""
    return _is_listed(origin) or _is_for_any_page() or (not _with_cookies() and _some_key_allows(origin))


def _is_for_any_page() -> bool:
    """What the operation says, for a preflight the one that is to follow."""
    operation = current_operation(request.headers.get("Access-Control-Request-Method"))
    return operation is not None and operation.for_any_page


def _with_cookies() -> bool:
    wire = services().wire_of(request.path)
    return wire is not None and wire.takes_cookies


def _may_send_credentials(origin: str) -> bool:
    """Whether a page of this origin, which may read the response, may do so with `credentials: "include"`. Where that
    means a cookie of ours, the operator's list has decided already. Where it means nothing to us it might mean
    something to a proxy in front, so a key that allows every origin does not open this to every origin."""
    wire = services().wire_of(request.path)
    if wire is None:
        return False
    return wire.takes_cookies or (wire.credentialed and (_is_listed(origin) or _some_key_lists(origin)))


def _is_listed(origin: str) -> bool:
    return origin in services().settings.allowed_origins


def _some_key_allows(origin: str) -> bool:
    """A preflight names no key, so whatever some key allows is allowed; a request's own key has been checked by now."""
    return _own_widget_key() is not None or _looked_up(services().keys.some_key_allows, origin)


def _some_key_lists(origin: str) -> bool:
    own = _own_widget_key()
    return (own is not None and origin in own.origins) or _looked_up(services().keys.some_key_lists, origin)


def _own_widget_key() -> Key | None:
    """The request's own, which is good for the page's origin."""
    identity = g.get("identity")
    key = identity.key if isinstance(identity, Caller) else None
    return key if key and key.kind == "widget" else None


def _looked_up(ask: Callable[[str], bool], origin: str) -> bool:
    try:
        return ask(origin)
    except StoreError:  # the log has been told
        return False
    except Exception:
        # The answer is finished but for its headers: losing it, and the turn behind it, would be worse.
        log.exception("origins cannot be looked up")
        return False
