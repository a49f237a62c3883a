"""How gunicorn serves Parlance. GUNICORN_CMD_ARGS and command-line flags override what is set here."""

import gc

gc.disable()  # until all is imported, of which nothing is garbage: a seventh of the start

import gevent  # noqa: E402
from gevent import monkey  # noqa: E402

monkey.patch_all()  # before anything else is imported
gevent.config.track_greenlet_tree = False  # who began whom, which nobody asks: some KiB of each stream

import logging  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from contextlib import suppress  # noqa: E402
from functools import partial  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402

from gevent.socket import socket as GeventSocket  # noqa: E402, N812

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.cli import parlance  # noqa: E402
from app.configuration import load_configuration, load_configuration_or_exit, refuse, refuse_in_a_line  # noqa: E402
from app.engine.errors import StoreError  # noqa: E402
from app.metrics import slots  # noqa: E402
from app.settings.mistakes import SettingsError  # noqa: E402
from app.store.checkpoints import Checkpoints  # noqa: E402
from app.store.database import beside_database  # noqa: E402
from app.store.faults import for_operators, os_problem  # noqa: E402
from app.store.others_wishes import OthersWishes  # noqa: E402
from app.store.urls import place_of  # noqa: E402
from app.store.workers import leave, watch_workers  # noqa: E402
from app.web.server.connection import continue_sender, drain  # noqa: E402
from app.web.server.gauges import start_figures  # noqa: E402
from app.web.server.interpreter import why_slow  # noqa: E402
from app.web.server.listening import why_not_listening  # noqa: E402
from app.web.server.logs import ServerLogger, logging_config  # noqa: E402
from app.web.server.master import (  # noqa: E402
    connections_of,
    descriptors_of,
    guard_signals,
    own_database,
    why_not_served,
    why_not_so_many,
)
from app.web.server.probes import Beginning, PieceSender  # noqa: E402
from app.web.server.shutdown import end_turns_on_sigterm  # noqa: E402
from app.web.server.watcher import Watcher  # noqa: E402
from app.workflows.templates.rendering import start as start_rendering  # noqa: E402

import_module("app.main")  # with all wires: workers start at once, and with this code, whatever an upgrade puts there
gc.freeze()  # what has been loaded stays for good, and in the workers' common memory
gc.enable()

_settings = load_configuration_or_exit().settings
_figures = slots.folder_of(_settings.database_url, _settings.home)

logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line of the log has them

chdir = str(ROOT)
wsgi_app = "wsgi:app"
bind = f"127.0.0.1:{_settings.port}"
worker_class = "app.web.server.worker.Worker"
workers = _settings.workers
worker_connections = connections_of(_settings.server.streams)
# Each connection is a file descriptor, and the usual soft limit is 1,024.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = descriptors_of(_settings.server.streams)
if _soft < _wanted:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (_wanted if _hard == resource.RLIM_INFINITY else min(_wanted, _hard), _hard)
    )
keepalive = 5  # seconds; also what a caller has for sending its headers
timeout = 60  # a worker whose event loop stands still for so long is replaced
graceful_timeout = int(_settings.server.shutdown_seconds) + keepalive + 5  # idle connections close after keepalive
limit_request_field_size = 65_536  # an oversized key is a wrong key, answered by the wire
control_socket_disable = True
http_parser = "python"  # its bounds are ours (app/web/server/worker.py); "auto" takes another where one is installed
# Whom a request comes from, over which scheme and to which path, is said by no header but those that
# PARLANCE_TRUSTED_HOPS admits (app/main.py). By itself gunicorn believes this machine, or FORWARDED_ALLOW_IPS.
forwarded_allow_ips = ""
secure_scheme_headers = {}  # at a Unix socket gunicorn believes everybody, so there is nothing to be believed either
forwarder_headers = ""
header_map = "drop"
proxy_protocol = "off"
accesslog = None  # one line for each request is logged by the application
errorlog = "-"
logger_class = ServerLogger
logconfig_dict = logging_config()


def on_starting(server):
    """What flags and GUNICORN_CMD_ARGS may have changed, and what a server without its tables would answer 500 to."""
    problem = why_not_so_many(server.cfg.workers, _settings) or _why_not_with(server.cfg)
    if problem:
        refuse(problem)
    if "PARLANCE_PREPARES" in os.environ and (status := _prepare()):
        sys.exit(status)
    if problem := why_not_served(_settings):
        refuse(problem)
    lock = beside_database(_settings.database_url, _settings.home, "lock")
    try:
        problem = own_database(lock, _settings.database_url, shared=_settings.redis_url is not None)
    except OSError as error:
        refuse(f"The database's lock cannot be made: {os_problem(error)}")
    except StoreError as error:
        refuse(f"The database cannot be served: {for_operators(error, place_of(_settings.database_url))}")
    if problem:
        refuse(problem)
    _clear_figures()
    if not _inherits_sockets():
        for problem in filter(None, map(why_not_listening, server.cfg.address)):
            refuse_in_a_line(problem)
    guard_signals(server, _problems, lambda workers: why_not_so_many(workers, _settings))


def _clear_figures():
    """What an earlier server has counted."""
    try:
        slots.clear(_figures)
    except OSError as error:
        refuse(f"What an earlier server has counted cannot be removed: {os_problem(error)}")


def _prepare():
    """`parlance prepare --demo-keys`, for `make run`: in a process of its own, which has all that is imported here and
    so takes a quarter of the time. Returns its status; what is wrong it has told."""
    if child := os.fork():
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))  # gunicorn's own comes later
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except KeyboardInterrupt:  # the child has it, too
            return 130
        if status < 0:
            refuse_in_a_line(f"What prepares it was ended by signal {-status}.")
        return status
    status = 1
    try:
        parlance.main(["prepare", "--demo-keys"], "parlance")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing of this process may go on as if it were the server
        traceback.print_exc()
    if sys.stdout:  # it may be closed
        sys.stdout.flush()
    os._exit(status)


def _why_not_with(cfg):
    """What flags must not change; None where they do not."""
    if cfg.settings["worker_class"].get() != worker_class:
        return f"Another --worker-class than {worker_class} is not possible: that one notices callers who leave."
    if cfg.preload_app:
        return "--preload is not possible: a worker that dies would not be replaced by one that serves."
    if cfg.http_parser != http_parser:
        return f"Another --http-parser than {http_parser} is not possible: it does not know Parlance's bounds."
    if cfg.forwarded_allow_ips or cfg.forwarder_headers or cfg.header_map == "dangerous" or cfg.proxy_protocol != "off":
        return (
            "--forwarded-allow-ips, --forwarder-headers, --header-map dangerous and --proxy-protocol are not possible: "
            "what proxies of yours say is believed where PARLANCE_TRUSTED_HOPS counts them."
        )
    return None


def _inherits_sockets():
    """From systemd, or from the gunicorn that started this one (SIGUSR2)."""
    return "GUNICORN_FD" in os.environ or os.environ.get("LISTEN_PID") == str(os.getpid())


def when_ready(server):
    """For `make run`, whose reader knows from here on that there is something to look at."""
    if slow := why_slow():
        server.log.info(slow)
    if os.environ.get("PARLANCE_ANNOUNCES") and sys.stdout:
        sys.stdout.write(f"Serving on {' '.join(map(str, server.LISTENERS))} (Ctrl-C stops)\n")
        sys.stdout.flush()


def _problems():
    """What would keep a server from starting with the configuration as it is now."""
    try:
        settings = load_configuration().settings
    except SettingsError as error:
        return error.problems
    problem = why_not_served(settings)
    return [problem] if problem else []


def pre_request(_worker, request):
    """What `_with_connection` passes on: gunicorn's request is known here, and not where the application is called."""
    request.body.force_close = request.force_close
    request.body.awaits_continue = request._expected_100_continue  # noqa: SLF001 - it has no public name
    request._expected_100_continue = False  # noqa: SLF001 - gunicorn would tell callers to continue at once
    request.body.reader.limit_chunk_size_line = 256  # of a chunked body: a size and, for those who must, an extension


def _with_connection(application, *, kept):
    """The application, with what it needs of the connection in its environment: see app/web/server/connection.py.

    Whether the environment is `kept` until the response has been sent: an access log of gunicorn's names things in it.
    """

    def serve(environ, start_response):
        connection, protocol = environ["gunicorn.socket"], environ["SERVER_PROTOCOL"]
        if type(connection) is GeventSocket and protocol in ("HTTP/1.0", "HTTP/1.1"):  # into TLS nobody can look
            beginning = Beginning(connection, start_response.__self__, protocol)
            environ["parlance.watch"] = partial(Watcher, connection, beginning.probe)
            environ["parlance.pieces"] = PieceSender(connection, in_chunks=protocol == "HTTP/1.1", beginning=beginning)
        environ["parlance.send_timeout"] = connection.settimeout
        if environ["wsgi.input"].awaits_continue:
            environ["parlance.continue"] = continue_sender(connection)
        environ["parlance.force_close"] = environ["wsgi.input"].force_close
        environ["parlance.drain"] = partial(drain, connection)
        response = application(environ, start_response)
        if not kept:
            wrapper = environ["wsgi.file_wrapper"]  # gunicorn asks for it behind the application
            environ.clear()  # a stream holds it, with all headers, for as long as it lasts
            environ["wsgi.file_wrapper"] = wrapper
        return response

    return serve


def worker_exit(_server, worker):
    """In the worker, and in the master for one that it finds gone."""
    if hasattr(worker, "unstored"):
        worker.unstored.store_waiting()  # the last chance
        worker.runs.store_waiting()
        if worker.telling:
            worker.telling.end()
        with suppress(StoreError):  # others find out
            leave(worker.database, worker.own)


def child_exit(_server, _worker):
    if _settings.metrics_token:
        with suppress(OSError):  # the next one's end, or a worker that takes the slot
            slots.drop_dead(_figures)


def post_worker_init(worker):
    # Behind proxies all callers come from theirs.
    worker.most_per_address = worker_connections if _settings.trusted_hops else worker_connections // 2
    # gunicorn asks for some twenty of its settings in each request, and looks each up in two ways first.
    vars(worker.cfg).update({name: setting.get() for name, setting in worker.cfg.settings.items()})
    gc.freeze()  # what has been loaded stays for good: collecting through it again and again costs a tenth of a request
    gc.set_threshold(10_000, 20, 50)  # seldom, for all streams stand still meanwhile: new callers waited for it
    services = worker.wsgi.extensions["parlance"]
    worker.unstored, worker.runs, worker.telling = services.unstored, services.runs, services.telling
    worker.database, worker.own = services.database, services.worker
    start_figures(services)
    watch_workers(services.database, services.worker)
    Checkpoints(services.database, services.worker, services.engine.running_turns).start()
    wishes = OthersWishes(services.database, services.worker, services.engine.running_turns, services.hints)
    wishes.start()
    services.retention.start()
    if services.telling:
        services.telling.start(
            lambda *hint: (wishes.hear(*hint), services.elsewhere.look_now(hint[1])), services.elsewhere.hear
        )
    if _settings.files.workflows.files:
        start_rendering()
    services.webhooks.start()
    services.knowledge.start(services.settings.agents.values())
    worker.has_work = lambda: len(services.engine.running_turns) > 0  # some are made without a caller
    end_turns_on_sigterm(
        services.engine.running_turns, _settings.server.shutdown_seconds, worker.accepts, services.unstored.hurry
    )
    worker.wsgi = _with_connection(worker.wsgi, kept=worker.log.access_log_enabled)
