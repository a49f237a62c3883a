"""A real Parlance: gunicorn on a port of its own, with a home folder, a database and a log that tests may look into."""

import atexit
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Self

import orjson
from click.testing import CliRunner

from app.cli import parlance
from app.cli.parts import Parts
from app.knowledge.building.files_state import look, name_of
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import build
from app.knowledge.files import pages_pattern
from app.store.database import Database
from app.store.keys import KeyStore
from app.store.schema import upgrade
from app.store.urls import database_url
from app.testing.configuration import CONFIG
from app.testing.postgres import from_environment, shared_postgres
from app.testing.records import ServerRecords

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
GUNICORN = (BIN / "gunicorn", "-c", "config/gunicorn.conf.py", "--keep-alive", "2")


@cache
def empty_database() -> bytes:
    """The bytes of an SQLite file with all tables, which are migrated once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parlance.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.checkpoint()
        return path.read_bytes()


@cache
def shipped_index() -> Path:
    """The folder of an index of the shipped knowledge, which is read once for all tests."""
    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder = IndexFolder(home)
    return folder.path / build(folder, (f"{ROOT}/config/knowledge/*.md",))


class Server(ServerRecords):
    """Start with `with`; `url` is its base. Agents: open (public), frank, site; see CONFIG.

    `home` is a folder for its files, made where there is none. In `config`, the text of parlance.toml, the keys of
    `changes` are replaced by their values. `env` is added to the environment. gunicorn serves `wsgi` of `root`, at a
    port of the address `at`.
    The database is one of SQLite, or of PostgreSQL where PARLANCE_TEST_DATABASE says so.
    """

    def __init__(
        self,
        home: Path,
        *,
        changes: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        config: str = CONFIG,
        wsgi: str = "wsgi:app",
        root: Path = ROOT,
        at: str = "127.0.0.1",
    ) -> None:
        self.home, self.root = home, root
        self.command: Sequence[str | Path] = GUNICORN
        self.wsgi = wsgi
        for old, new in (changes or {}).items():
            assert old in config, f"{old!r} is not in the configuration"
            config = config.replace(old, new)
        home.mkdir(parents=True, exist_ok=True)
        (home / "parlance.toml").write_text(config)
        if not (home / "knowledge").exists():
            (home / "knowledge").symlink_to(ROOT / "config" / "knowledge")
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
            "PARLANCE_HOME": str(home / "instance"),
            "PARLANCE_CONFIG": str(home / "parlance.toml"),
            **(env or {}),
        }
        self.database = home / "instance" / "parlance.db"
        if from_environment() and "DATABASE_URL" not in self.env:
            self.env["DATABASE_URL"] = shared_postgres().url(self._database_name())
        url = self.env.get("DATABASE_URL", "")
        self.database_url = url if url.startswith("postgres") else None
        self._listener = socket.create_server((at, 0), backlog=2048)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.make_database()
        self.make_indexes()
        self.start()
        return self

    @property
    def store_url(self) -> str:
        """The database's URL, as the stores take it."""
        return database_url(self.database_url or f"sqlite:///{self.database}")

    def _database_name(self) -> str:
        """Of PostgreSQL's; the same for all servers that have this home one after the other."""
        noted = self.home / "database"
        if not noted.exists():
            noted.write_text(shared_postgres().new_database())
        return noted.read_text()

    def make_database(self) -> None:
        """As `flask prepare` does it, which takes two seconds each time; tests/server/cli/test_prepare.py runs that."""
        if not self.database_url and not self.database.exists():
            self.database.parent.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(self.database, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(empty_database())

    def make_indexes(self) -> None:
        """Of the shipped knowledge, as `flask prepare` does it: to read it takes a second each time."""
        if not (self.home / "knowledge").is_symlink():
            return
        home, agents = Path(self.env["PARLANCE_HOME"]), dict[str, Any]()
        folder = IndexFolder(home)
        folder.path.mkdir(parents=True, mode=0o700, exist_ok=True)
        with suppress(tomllib.TOMLDecodeError):  # which the server is to refuse
            agents = tomllib.loads((self.home / "parlance.toml").read_text()).get("agents", {})
        for agent_id, agent in agents.items():
            if agent.get("knowledge") == ["knowledge/*.md"]:
                patterns = (f"{self.home}/knowledge/*.md", pages_pattern(home, agent_id))
                name = name_of(look(patterns))
                shutil.copytree(shipped_index(), folder.path / name, dirs_exist_ok=True)
                folder.point(patterns, name)

    def __exit__(self, *_: object) -> None:
        """At once, whatever is still being answered; `stop` is for tests of how a server ends."""
        self._end(signal.SIGQUIT)
        self.close()

    def close(self) -> None:
        self._listener.close()

    def start(self) -> None:
        """Returns when the server answers. Fails where it does not within 60 seconds, or ends at once."""
        descriptor = self._listener.fileno()
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command, "-b", f"fd://{descriptor}", self.wsgi],
                cwd=self.root,
                env=self.env,
                pass_fds=[descriptor],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with socket.create_connection(("127.0.0.1", self.port), timeout=0.1) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            assert eventually(partial(self._first_bytes, connection), 60).startswith(b"HTTP/1.1 200 ")

    def _first_bytes(self, connection: socket.socket) -> bytes:
        """Nothing yet while the server starts. Fails with its log where it ended instead."""
        with suppress(TimeoutError):
            return connection.recv(1024)
        assert self._process
        assert self._process.poll() is None, self.log_text()
        return b""

    def stop(self, seconds: float = 30) -> None:
        """SIGTERM, and wait for the end, which has to come within so many seconds."""
        self._end(signal.SIGTERM, seconds)

    def _end(self, how: signal.Signals, seconds: float = 30) -> None:
        if self._process:
            self._process.send_signal(how)
            self._process.wait(seconds)
            self._process = None

    def master_pid(self) -> int:
        """gunicorn's own process, whose children the workers are."""
        assert self._process
        return self._process.pid

    def worker_pids(self) -> list[int]:
        """The oldest first. More than one only while a worker ends."""
        pid = self.master_pid()
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def worker_pid(self) -> int:
        """The process that serves."""
        return self.worker_pids()[-1]

    def flask(self, *command: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command on this server's database, in this process: the program takes two seconds to start."""
        ran = CliRunner().invoke(parlance, command, obj=self._parts, input=stdin, catch_exceptions=False)
        done = subprocess.CompletedProcess(["flask", *command], ran.exit_code, ran.stdout, ran.stderr)
        if check:
            done.check_returncode()
        return done

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.env)

    def flask_program(
        self, *command: str, check: bool = True, stdin: str | None = None, program: str = "flask"
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line as an operator does, from the shell."""
        return subprocess.run(
            [BIN / program, *command],
            cwd=self.root, env=self.env, input=stdin, capture_output=True, text=True, check=check, timeout=60,
        )  # fmt: skip

    def key(self, kind: str, agent: str = "open", *options: str) -> str:
        """A fresh key; of the kind "session" the token of a fresh user, whose name is the agent's model."""
        if kind == "session":
            return self._session(agent)
        if options:
            return self.flask("keys", "create", "--agent", agent, "--kind", kind, *options).stdout.strip()
        return self._keys.create(kind, agent, "")  # type: ignore[arg-type]

    @cached_property
    def _keys(self) -> KeyStore:
        return KeyStore(Database(self.store_url))

    def _session(self, agent: str) -> str:
        """Signs up from an address that hardly anybody else has: few may sign up from one."""
        model = tomllib.loads((self.home / "parlance.toml").read_text())["agents"][agent]["model"]
        user = {"email": f"{os.urandom(8).hex()}@example.com", "password": "correct horse", "name": model}
        place = (random_address(), 0)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=place)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/api/auth/sign-up/email", orjson.dumps(user), headers)
        response = connection.getresponse()
        cookie = re.match("parlance_session=([^;]+)", response.headers.get("Set-Cookie", ""))
        assert cookie, response.read()
        connection.close()
        return cookie[1]


def eventually(check: Any, seconds: float = 5.0) -> Any:
    """What `check` returns as soon as it is true; fails where it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s: {check}"
        time.sleep(0.02)


def script(*steps: Mapping[str, Any]) -> str:
    """A message that the scripted model plays; see app/providers/local/scripted.py for its cues."""
    return orjson.dumps(list(steps)).decode()


def random_address() -> str:
    """An address of this machine that hardly anybody else has. (Hypothesis seeds `random`.)"""
    second, third, fourth = os.urandom(3)
    return f"127.{second}.{third}.{max(1, min(fourth, 254))}"


def new_session_id() -> str:
    """A widget's session id that no other test uses."""
    return f"test-{os.urandom(8).hex()}"


def conversation_id(ndjson: bytes | str) -> str:
    """From a widget's stream."""
    text = ndjson.decode() if isinstance(ndjson, bytes) else ndjson
    match = re.search(r'"conversationId":"([a-z0-9]{32})"', text)
    assert match, text
    return match[1]


@contextmanager
def allow_open_files(number: int) -> Iterator[None]:
    """So many files may be open, or as many as the hard limit admits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    admitted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, admitted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
