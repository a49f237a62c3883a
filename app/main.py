"""The WSGI application: wires, pages, limits and commands on one Flask app."""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

from flask import Flask

from app import wires as wires_folder
from app.cli import FlaskCommands
from app.configuration import Configuration
from app.site import playground, widget
from app.web.callers.limits import limit_requests
from app.web.callers.origins import allow_origins
from app.web.doctor import blueprint as doctor
from app.web.guard import guard_routes
from app.web.health import blueprint as health
from app.web.metrics import OPERATIONS as METRICS_OPERATIONS
from app.web.metrics import blueprint as metrics
from app.web.reference.routes import serve_reference
from app.web.responses.caching import forbid_caching
from app.web.responses.errors import handle_errors
from app.web.server.access_log import log_requests
from app.web.server.connection import bound_writes, close_where_unread
from app.web.server.forwarded import trust_proxies
from app.web.server.hosts import refuse_other_hosts
from app.web.wire import Wire
from app.wiring import make_services


class _Application(Flask):
    """No view and no hook of it is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: Flask would look at nine of them in each request."""
        return func


def create_app(configuration: Configuration) -> Flask:
    """The WSGI application. Nothing is connected to and no thread is started before the first request."""
    settings = configuration.settings
    app = _Application(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # `//chat` is not `/chat`, and a redirect would lose the body
    wires = _wires()
    app.extensions["parlance"] = make_services(configuration, wires)
    log_requests(app)
    refuse_other_hosts(app, settings)
    bound_writes(app, settings)
    close_where_unread(app)
    allow_origins(app)
    forbid_caching(app)
    handle_errors(app)
    app.register_blueprint(health)
    app.register_blueprint(doctor)
    if settings.metrics_token:
        app.register_blueprint(metrics)
    app.register_blueprint(widget.blueprint)
    for wire in wires:
        app.register_blueprint(wire.blueprint)
    if settings.server.playground:
        app.register_blueprint(playground.blueprint)
    limit_requests(app, settings, wires, app.extensions["parlance"].redis)
    guard_routes(app, wires)
    if settings.server.reference:
        pages = [
            *(METRICS_OPERATIONS if settings.metrics_token else ()),
            *widget.OPERATIONS,
            *(playground.OPERATIONS if settings.server.playground else ()),
        ]
        serve_reference(app, wires, pages)
    app.cli = FlaskCommands()
    trust_proxies(app, settings.trusted_hops)
    return app


def _wires() -> list[Wire]:
    """Every folder of app/wires."""
    names = sorted(module.name for module in pkgutil.iter_modules(wires_folder.__path__))
    return [import_module(f"app.wires.{name}").WIRE for name in names]


_wires()  # imported with this file, and so before there are workers: a later one has no other code than the first
