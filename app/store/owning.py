"""Whose a database of PostgreSQL is: one server's, or several's that share it, on whichever hosts. SQLite's is known by
a file's lock."""

import os
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection

from app.store.database import make_engine
from app.store.faults import known_errors
from app.store.locks import try_lock

_OWNING = 0x7061726D  # an advisory lock of the database, beside schema.py's
_POLL_SECONDS = 0.1


def own_postgres(url: str, seconds: float = 0, *, shared: bool = False) -> Any:
    """The driver's connection that this process keeps open for as long as the database is to be its own, or until
    PostgreSQL restarts; None where another process has it, and does not let go of it within `seconds`. Others may
    have it too that want it `shared`. Raises StoreError.

    Processes that are forked from this one inherit it and leave it alone, as the driver's own does and SQLAlchemy's
    would not: it would tell the server, at their ends, that nobody is there any more.
    """
    deadline = monotonic() + seconds
    with known_errors():
        pooled = make_engine(url).raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        connection.autocommit = True
        lock = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        while not connection.execute(f"SELECT {lock}({_OWNING})").fetchone()[0]:
            if monotonic() > deadline:
                connection.close()
                return None
            sleep(_POLL_SECONDS)
    return connection


def is_served(connection: Connection, file: Path | None) -> bool:
    """Whether a server runs with the database, which is SQLite's `file` or one of PostgreSQL's. Of the latter none
    starts from here on before the transaction ends. Raises OSError."""
    if file is None:
        return not connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_OWNING})").scalar_one()
    lock = Path(f"{file.resolve()}.lock")
    if not lock.exists():
        return False
    descriptor = try_lock(lock)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None
