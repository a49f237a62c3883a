"""Parlance: a chat backend that speaks the wire its callers already speak. Here its parts are wired together."""

import pkgutil
from importlib import import_module

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, dialects
from app.engine.engine import Engine
from app.engine.live import LiveTurns
from app.http.connection import bound_writes
from app.http.dialect import Dialect
from app.http.errors import answer_errors
from app.http.health import blueprint as health
from app.http.limits import limit_dialects
from app.http.origins import share_with_origins
from app.http.requests import account_for_requests
from app.http.services import Services
from app.providers import PROVIDERS
from app.providers.fallback import Candidate, Circuit, Fallback
from app.settings import Settings, secret_key
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.keys import KeyStore
from app.tools import TOOLS
from app.tools.knowledge import KnowledgeSearch
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
    server = settings.server
    database = Database(settings.database_url)
    knowledge = KnowledgeSearch()
    candidates = {
        name: Candidate(
            PROVIDERS[provider].build(options), Circuit(name, server.circuit_failures, server.circuit_seconds)
        )
        for name, (provider, options) in settings.models.items()
    }
    engine = Engine(
        models={
            agent.id: Fallback([candidates[name] for name in agent.models], server.retry_seconds)
            for agent in settings.agents.values()
        },
        toolbox=ToolRunner({name: make(knowledge) for name, make in TOOLS.items()}),
        knowledge=knowledge,
        conversations=ConversationStore(database),
        live=LiveTurns(server.streams),
        heartbeat=server.heartbeat_seconds,
    )
    circuits = [candidate.circuit for candidate in candidates.values()]
    return Services(settings, database, KeyStore(database), engine, circuits, {wire.name: wire for wire in wires})
