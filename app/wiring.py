"""Makes all parts and connects them; the one place that knows which implementation stands behind which port."""

from collections.abc import Sequence
from dataclasses import replace

from itsdangerous import URLSafeSerializer

from app.cluster.amounts import SharedAmounts
from app.cluster.channel import Channel
from app.cluster.client import RedisClient
from app.cluster.telling import Telling
from app.configuration import Configuration
from app.engine.engine import Engine
from app.engine.running_turns import RunningTurns
from app.knowledge.search import KnowledgeSearch
from app.metrics import slots
from app.metrics.figures import Figures
from app.providers import PROVIDERS, identity_of
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.fallback import Candidate, Fallback
from app.settings.secret import secret_of
from app.store.answer_states import AnswerStates
from app.store.chats import ChatStore
from app.store.conversations import ConversationStore
from app.store.database import MOST_WAITING, Database, beside_database
from app.store.elsewhere import AnswersElsewhere
from app.store.histories import HistoryStore
from app.store.kept_requests import KeptRequests
from app.store.keys import KeyStore
from app.store.outbox import Outbox
from app.store.readiness import Readiness
from app.store.retention import Retention
from app.store.things import ThingStore
from app.store.tool_results import ToolResultStore
from app.store.unstored import RetryingStore
from app.store.unstored_runs import RetryingRunStore
from app.store.users import UserStore
from app.store.workers import Worker
from app.store.workflows import WorkflowStore
from app.tools import make_tools
from app.tools.toolbox import ToolRunner
from app.web.callers.shared_windows import make_windows
from app.web.callers.sign_in_limits import SignInLimits
from app.web.callers.stored_bytes import StoredBytes
from app.web.callers.visitors import Visitors
from app.web.services import Services
from app.web.wire import Wire
from app.webhooks.sender import Sender, subscriptions
from app.workflows.catalogue import Catalogue
from app.workflows.run import WorkflowPlan


def make_services(configuration: Configuration, wires: Sequence[Wire]) -> Services:
    """What views work with. Writes the installation's secret where there is none; connects to nothing."""
    settings, rules = configuration.settings, configuration.rules
    server, retention, secret = settings.server, settings.retention, secret_of(settings)
    # All answers may end at once, in a stop, and are stored then.
    database = Database(settings.database_url, max(MOST_WAITING, 2 * server.streams))
    workers_folder = beside_database(settings.database_url, settings.home, "workers")
    worker = Worker(workers_folder, has_row=database.file is None)  # SQLite has no other hosts
    redis = RedisClient(settings.redis_url, secret) if settings.redis_url else None
    outbox = Outbox(subscriptions(settings.webhooks))
    answering_for = {
        name: frozenset(agent.id for agent in settings.agents.values() if name in agent.models)
        for name in settings.models
    }
    figures = Figures(slots.folder_of(settings.database_url, settings.home)) if settings.metrics_token else None
    count = figures.count_post if figures else None
    webhooks = Sender(settings.webhooks, database, outbox, lambda: worker.id, answering_for, count=count)
    unstored = RetryingStore(ConversationStore(database, worker, outbox), database)
    embeddings = {agent.embeddings for agent in settings.agents.values() if agent.embeddings}
    knowledge = KnowledgeSearch(settings.home, {name: settings.models[name].options for name in embeddings})
    things = ThingStore(database)
    answers = AnswerStates(database)
    running_turns = RunningTurns(server.streams, server.streams_per_caller, server.streams_per_key)
    channel = Channel(settings.redis_url, secret, lambda: worker.id) if settings.redis_url else None
    candidates = {
        name: Candidate(
            PROVIDERS[model.provider].build(model.options),
            CircuitBreaker(name, server.circuit_failures, server.circuit_seconds, webhooks.circuit_opened),
            identity_of(name, model.provider, model.options),
        )
        for name, model in settings.answering_models.items()
    }
    runs = RetryingRunStore(database)
    rules_of_users = replace(rules, tools={name: rules.tools[name] for name in settings.default_agent.tools})
    workflows = Catalogue(configuration.workflows, WorkflowStore(database), runs, rules_of_users)
    plans = {workflow.name: WorkflowPlan(workflow, runs) for workflow in configuration.workflows}
    engine = Engine(
        models={
            names: Fallback([candidates[name] for name in names], server.retry_seconds)
            for names in {agent.models for agent in settings.agents.values()} | {(name,) for name in candidates}
        },
        prices={name: model.credits for name, model in settings.models.items()},
        toolbox=ToolRunner(make_tools(knowledge.search, things.all, configuration.tools)),
        knowledge=knowledge,
        conversations=unstored,
        running_turns=running_turns,
        heartbeat=server.heartbeat_seconds,
        answer_bytes=server.answer_bytes,
        plans={agent.id: plans[agent.workflow] for agent in settings.agents.values() if agent.workflow},
    )
    circuits = [candidate.circuit for candidate in candidates.values()]
    return Services(
        settings=settings,
        database=database,
        worker=worker,
        redis=redis,
        unstored=unstored,
        readiness=Readiness(database),
        keys=KeyStore(database),
        histories=HistoryStore(database, outbox),
        answers=answers,
        kept_requests=KeptRequests(database),
        elsewhere=AnswersElsewhere(database, answers, hints=channel),
        telling=Telling(running_turns, channel) if channel else None,
        hints=channel,
        tool_results=ToolResultStore(database),
        chats=ChatStore(database),
        retention=Retention(database, retention.days, retention.agents, retention.channels, retention.audit_days),
        users=UserStore(database),
        things=things,
        runs=runs,
        workflows=workflows,
        rules=rules,
        sign_in_limits=SignInLimits(make_windows(redis, "sign-in")),
        stored_bytes=StoredBytes(server.stored_bytes_per_day, SharedAmounts(redis, "bytes") if redis else None),
        engine=engine,
        knowledge=knowledge,
        circuits=circuits,
        figures=figures,
        wires={wire.name: wire for wire in wires},
        signer=URLSafeSerializer(secret, salt="parlance"),
        webhooks=webhooks,
        visitors=Visitors(secret),
    )
