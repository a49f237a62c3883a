"""Accounts deleted for good, with all that is theirs, in small transactions beside traffic."""

import gevent
from sqlalchemy import Connection, delete, func, select, update

from app.store.audit import record
from app.store.database import Database
from app.store.erasing import Eraser, each_noted, of_owner
from app.store.row_locks import lock_row
from app.store.tables import now, sessions, things, users, workflows
from app.store.trips import unanswered

_THINGS, _WORKFLOWS = 200, 5  # in one transaction; a workflow goes with its versions, some fifty of them
_PAUSE_SECONDS = 0.02


def delete_user(database: Database, eraser: Eraser, email: str, actor: str) -> int | None:
    """Delete the user with this address: sessions first, then chats with their messages and runs, things, workflows,
    the account. Returns how many conversations there were, None where nobody has the address.

    Where this is broken off, the user cannot sign in, and the same again goes on. Raises what `Database` raises.
    """
    user_id = database.write(lambda connection: _shut_out(connection, email))
    if user_id is None:
        return None
    chats = of_owner(f"user:{user_id}")
    erased = eraser.erase(chats, each_noted(actor))
    while database.write(lambda connection: _delete_some(connection, user_id)):
        gevent.sleep(_PAUSE_SECONDS)

    def delete_account(connection: Connection) -> None:
        lock_row(connection, users.c.id, user_id, to_delete=True)
        for table in (sessions, things, workflows):  # what a request has added that was under way
            connection.execute(unanswered(delete(table).where(table.c.user_id == user_id)))
        connection.execute(unanswered(delete(users).where(users.c.id == user_id)))
        record(connection, actor, "user.deleted", user_id, {"conversations": erased})

    database.write(delete_account)
    return erased + eraser.erase(chats, each_noted(actor))


def _shut_out(connection: Connection, email: str) -> str | None:
    """End the user's sessions, and allow no more; the user's id."""
    query = select(users.c.id).where(users.c.email == email.strip().lower())
    user_id: str | None = connection.execute(query.with_for_update(key_share=True)).scalar_one_or_none()
    if user_id is not None:
        disabled = func.coalesce(users.c.disabled_at, now())
        connection.execute(unanswered(update(users).where(users.c.id == user_id).values(disabled_at=disabled)))
        connection.execute(unanswered(delete(sessions).where(sessions.c.user_id == user_id)))
    return user_id


def _delete_some(connection: Connection, user_id: str) -> int:
    """How many rows went, besides versions."""
    deleted = 0
    for table, most in ((things, _THINGS), (workflows, _WORKFLOWS)):
        some = select(table.c.id).where(table.c.user_id == user_id).limit(most)
        deleted += connection.execute(delete(table).where(table.c.id.in_(some))).rowcount
    return deleted
