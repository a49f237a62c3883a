"""A PostgreSQL of the tests' own: started once by each process that needs one, and gone with it."""

import atexit
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Self

import psycopg
import pytest

from app.store.database import Database
from app.store.schema import upgrade

Command = Sequence[str | Path]
_USER, _PASSWORD, _TEMPLATE = "parlance", "correct-horse", "parlance_template"
_ACCOUNTS = ("postgres", "nobody")  # for root, as whom PostgreSQL refuses to run
_START_SECONDS = 60
_QUICKLY = (
    *("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=300"),
    *("log_statement=none", "log_min_messages=warning", "deadlock_timeout=200ms"),
)


class Postgres:
    """A server in a folder of its own, at a Unix socket there and at a port of 127.0.0.1, or of the address that is
    given. Start with `with`.

    It has one account, which may do everything, and which needs its password at the port. A database of `database`
    holds all tables, which are migrated once: a copy takes some 50 milliseconds.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self._address = address
        self.folder = Path(tempfile.mkdtemp(prefix="parlance-pg-"))  # a socket's path may have 107 bytes
        with socket.create_server((address, 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        account = _account()
        if account:
            shutil.chown(self.folder, account.pw_name)
        password = self.folder / "password"
        password.write_text(_PASSWORD)
        password.chmod(0o644)  # in a folder that nobody else may enter
        said: Command = [
            *("--username", _USER, "--pwfile", password, "--auth-local", "trust", "--auth-host", "scram-sha-256"),
            # As people's languages sort, which differs from SQLite's order and from hexadecimal digits' by no means.
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en"),
        ]
        making: Command = [*_as(account), _program("initdb"), "--no-sync", "--pgdata", self.folder / "data"]
        subprocess.run([*making, *said], check=True, capture_output=True, cwd=self.folder)
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
        self.start()
        self._make_template()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Returns when the server answers."""
        places = ("-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), "-h", self._address)
        options = [word for setting in _QUICKLY for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            # Where the tests are killed, it ends too.
            self._process = subprocess.Popen(
                [*_as(_account(), "--pdeathsig", "QUIT"), _program("postgres"), *places, *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                process_group=0,  # Ctrl-C is for the tests
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def stop(self, *, at_once: bool = True) -> None:
        """End the server: `at_once`, as a crash does, or with a farewell to all who are connected."""
        if self._process:
            how = "immediate" if at_once else "fast"
            stopping: Command = [
                *_as(_account()),
                _program("pg_ctl"),
                "stop",
                "--silent",
                "--pgdata",
                self.folder / "data",
            ]
            subprocess.run([*stopping, "--mode", how], check=True, cwd=self.folder)
            self._process.wait(30)
            self._process = None

    def pids(self) -> list[int]:
        """Of all its processes, the server's own first."""
        assert self._process
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def url(self, name: str) -> str:
        """Of the database of this name, as people write it."""
        return f"postgres://{_USER}:{_PASSWORD}@{self._address}:{self.port}/{name}"

    def local_url(self, name: str) -> str:
        """Of the same, by its Unix socket."""
        return f"postgresql://{_USER}@/{name}?host={self.folder}&port={self.port}"

    def execute(self, *statements: str, name: str = "postgres") -> None:
        """Run statements in a database, each by itself."""
        with self.connect(name) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.local_url(name), autocommit=True)

    def new_database(self, template: str = _TEMPLATE) -> str:
        """The name of a database of its own, with all tables. Without them: of `template1`."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Whoever is connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database with all tables, which is gone at the end: its name."""
        name = self.new_database()
        try:
            yield name
        finally:
            with suppress(psycopg.OperationalError):  # a test may have ended the server
                self.drop(name)

    def _make_template(self) -> None:
        self.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        upgrade(Database(self.local_url(_TEMPLATE)))
        gone = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{_TEMPLATE}'"
        self.execute(f"ALTER DATABASE {_TEMPLATE} ALLOW_CONNECTIONS false", gone)


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """The database takes no changes, as where its disk is a replica's."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    setting = f"ALTER DATABASE {name} SET default_transaction_read_only"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{setting} = on".encode())
        _end_others(connection)
        try:
            yield
        finally:
            connection.execute(b"SET default_transaction_read_only = off")
            connection.execute(f"{setting} = off".encode())
            _end_others(connection)


def _end_others(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """All who are connected to the same database by now, and have its settings of before; those who come back meanwhile
    have the new ones, and stay. PostgreSQL could wait for all, but for one after the other, and for a tenth of a second
    each."""
    now = connection.execute(b"SELECT clock_timestamp()").fetchone()
    assert now
    earlier = b"datname = current_database() AND pid <> pg_backend_pid() AND backend_start <= %s"
    while connection.execute(b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + earlier, now).rowcount:
        time.sleep(0.005)


def from_environment() -> bool:
    """Whether servers of tests are to have databases of PostgreSQL's: PARLANCE_TEST_DATABASE says so."""
    kind = os.environ.get("PARLANCE_TEST_DATABASE", "sqlite")
    assert kind in {"sqlite", "postgresql"}, kind
    return kind == "postgresql"


@cache
def shared_postgres() -> Postgres:
    """The server of this process's tests. Skips the test where PostgreSQL is not installed."""
    if not _folder_of("initdb"):
        pytest.skip("postgresql not installed")
    running = Postgres().__enter__()
    atexit.register(partial(running.__exit__, None, None, None))
    return running


def _folder_of(program: str) -> Path | None:
    """Debian's are on no path. The newest, where there are several."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name), reverse=True)
    on_path = shutil.which(program)
    found = [folder for folder in folders if (folder / program).exists()]
    return found[0] if found else Path(on_path).parent if on_path else None


def _program(name: str) -> Path:
    folder = _folder_of(name)
    assert folder, f"{name} is not installed"
    return folder / name


def _account() -> pwd.struct_passwd | None:
    """As whom the server runs; None: as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _ACCOUNTS if name in known)


def _as(account: pwd.struct_passwd | None, *options: str) -> Sequence[str]:
    """The beginning of a command that is to run as this account."""
    switch = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups") if account else ()
    return ["setpriv", *switch, *options] if switch or options else []
