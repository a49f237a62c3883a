"""Which secret the installation of a database has, without the secret: all its hosts must have the same."""

import hmac
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from app.store.database import make_engine
from app.store.faults import known_errors
from app.store.tables import installation
from app.store.urls import sqlite_file

_CONSTANT = b"parlance: the installation's secret"
_CHECK = select(installation.c.secret_check)


def check_secret(url: str, secret: str, *, keep: bool) -> bool:
    """Whether the database at `url` belongs to the installation with this secret.

    One that knows of none belongs to any, and keeps it in mind where told to, or where other hosts may use it. Raises
    StoreError. For the process that will fork the workers: it starts no thread.
    """
    check = _check_of(secret)
    with known_errors(), make_engine(url).connect() as connection:
        known = connection.execute(_CHECK).scalar()
        if known is None and (keep or not sqlite_file(url)):
            known = _keep(connection, check)
    return known is None or hmac.compare_digest(known, check)


def forget_secret(connection: Connection) -> None:
    """The next start says which secret the installation has."""
    connection.execute(delete(installation))


def _keep(connection: Connection, check: str) -> str:
    """The check that is kept, which is another one's where two hosts start for the first time at once."""
    try:
        connection.execute(insert(installation).values(id=1, secret_check=check))
    except IntegrityError:
        connection.rollback()
    else:
        connection.commit()
    return str(connection.execute(_CHECK).scalar_one())


def _check_of(secret: str) -> str:
    return hmac.new(secret.encode(), _CONSTANT, sha256).hexdigest()
