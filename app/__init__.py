"""Parlance: a chat backend that speaks the wire its callers already speak. Here its parts are wired together."""

import pkgutil
from importlib import import_module

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, dialects
from app.engine.live import LiveTurns
from app.engine.turn import Engine
from app.http.connection import bound_writes
from app.http.dialect import Dialect
from app.http.errors import answer_errors
from app.http.health import blueprint as health
from app.http.limits import limit_dialects
from app.http.origins import share_with_origins
from app.http.requests import account_for_requests
from app.http.services import Services
from app.providers import PROVIDERS
from app.settings import Settings, secret_key
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.keys import KeyStore
from app.tools import TOOLS
from app.tools.toolbox import ToolRunner


def create_app(settings: Settings) -> Flask:
    """The WSGI application. Nothing is connected to and no thread is started before the first request."""
    app = Flask(__name__, static_folder=None)
    app.secret_key = secret_key(settings.home)
    app.url_map.merge_slashes = False  # `//chat` is not `/chat`, and a redirect would lose the body
    wires = _dialects()
    app.extensions["parlance"] = _services(settings, wires)
    account_for_requests(app)
    bound_writes(app, settings)
    share_with_origins(app)
    answer_errors(app)
    app.register_blueprint(health)
    for dialect in wires:
        app.register_blueprint(dialect.blueprint)
    limit_dialects(app, settings, wires)
    cli.register(app)
    if settings.trusted_hops:
        hops = settings.trusted_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    return app


def _dialects() -> list[Dialect]:
    """Every folder of app/dialects."""
    names = sorted(module.name for module in pkgutil.iter_modules(dialects.__path__))
    return [import_module(f"app.dialects.{name}").DIALECT for name in names]


def _services(settings: Settings, wires: list[Dialect]) -> Services:
    database = Database(settings.database_url)
    engine = Engine(
        models={name: PROVIDERS[provider].build(options) for name, (provider, options) in settings.models.items()},
        toolbox=ToolRunner({name: make() for name, make in TOOLS.items()}),
        conversations=ConversationStore(database),
        live=LiveTurns(settings.server.streams),
        heartbeat=settings.server.heartbeat_seconds,
    )
    return Services(settings, database, KeyStore(database), engine, {wire.name: wire for wire in wires})
