"""Parlance: a chat backend that speaks the wire its callers already speak. Here its parts are wired together."""

import pkgutil
from dataclasses import replace
from importlib import import_module

from flask import Flask
from itsdangerous import URLSafeSerializer
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, dialects
from app.engine.engine import Engine
from app.engine.live import LiveTurns
from app.http.attempts import Attempts
from app.http.connection import bound_writes
from app.http.dialect import Dialect
from app.http.documentation import serve_reference
from app.http.errors import answer_errors
from app.http.health import blueprint as health
from app.http.limits import limit_dialects
from app.http.origins import share_with_origins
from app.http.requests import account_for_requests
from app.http.services import Services
from app.http.visitors import Visitors
from app.providers import PROVIDERS
from app.providers.fallback import Candidate, Circuit, Fallback
from app.settings import Settings, secret_key
from app.site import playground, widget
from app.store.chats import ChatStore
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.histories import Histories
from app.store.keys import KeyStore
from app.store.runs import RunStore
from app.store.things import ThingStore
from app.store.users import UserStore
from app.store.workflows import WorkflowStore
from app.tools import make_tools
from app.tools.knowledge import KnowledgeSearch
from app.tools.toolbox import ToolRunner
from app.workflows.catalogue import Catalogue
from app.workflows.executor import WorkflowPlan


def create_app(settings: Settings) -> Flask:
    """The WSGI application. Nothing is connected to and no thread is started before the first request."""
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # `//chat` is not `/chat`, and a redirect would lose the body
    wires = _dialects()
    app.extensions["parlance"] = _services(settings, wires)
    account_for_requests(app)
    bound_writes(app, settings)
    share_with_origins(app)
    answer_errors(app)
    app.register_blueprint(health)
    app.register_blueprint(widget.blueprint)
    for dialect in wires:
        app.register_blueprint(dialect.blueprint)
    if settings.server.playground:
        app.register_blueprint(playground.blueprint)
    limit_dialects(app, settings, wires)
    if settings.server.reference:
        serve_reference(
            app, wires, [*widget.OPERATIONS, *(playground.OPERATIONS if settings.server.playground else ())]
        )
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
    server, secret = settings.server, secret_key(settings.home)
    database = Database(settings.database_url)
    knowledge = KnowledgeSearch()
    things = ThingStore(database)
    candidates = {
        name: Candidate(
            PROVIDERS[model.provider].build(model.options),
            Circuit(name, server.circuit_failures, server.circuit_seconds),
        )
        for name, model in settings.models.items()
    }
    runs = RunStore(database)
    rules = settings.rules
    theirs = replace(rules, tools={name: rules.tools[name] for name in settings.default_agent.tools})
    workflows = Catalogue(settings.workflows, WorkflowStore(database), runs, theirs)
    plans = {workflow.name: WorkflowPlan(workflow, runs) for workflow in settings.workflows}
    engine = Engine(
        models={
            names: Fallback([candidates[name] for name in names], server.retry_seconds)
            for names in {agent.models for agent in settings.agents.values()} | {(name,) for name in candidates}
        },
        prices={name: model.credits for name, model in settings.models.items()},
        toolbox=ToolRunner(make_tools(knowledge.search, things.all, settings.tools)),
        knowledge=knowledge,
        conversations=ConversationStore(database),
        live=LiveTurns(server.streams),
        heartbeat=server.heartbeat_seconds,
        plans={agent.id: plans[agent.workflow] for agent in settings.agents.values() if agent.workflow},
    )
    circuits = [candidate.circuit for candidate in candidates.values()]
    return Services(
        settings=settings,
        database=database,
        keys=KeyStore(database),
        histories=Histories(database),
        chats=ChatStore(database),
        users=UserStore(database),
        things=things,
        runs=runs,
        workflows=workflows,
        attempts=Attempts(),
        engine=engine,
        circuits=circuits,
        dialects={wire.name: wire for wire in wires},
        signer=URLSafeSerializer(secret, salt="parlance"),
        visitors=Visitors(secret),
    )
