"""The names under which callers reach the server. A request for another host is refused before anything looks at it."""

from flask import Flask, g, request

from app.engine.errors import ChatError, Problem
from app.settings.environment import host_name
from app.settings.records import Settings

ANY_HOST = ("/health", "/ready", "/metrics")  # balancers and monitoring ask for these by address


def refuse_other_hosts(app: Flask, settings: Settings) -> None:
    """Raise ChatError(MISDIRECTED) for a `Host` that is not among `settings.hosts`, where there are any: a page whose
    own name leads to this server (DNS rebinding) gets nothing. The port is not looked at."""
    if not settings.hosts:
        return

    @app.before_request
    def refuse() -> None:
        if request.path not in ANY_HOST and host_name(request.headers.get("Host", "")) not in settings.hosts:
            g.identity = refusal = ChatError(Problem.MISDIRECTED)  # nobody is looked up for it
            raise refusal
