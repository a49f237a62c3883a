"""Rows that are locked until the transaction ends, where something is counted, or read and then replaced.

SQLite has one writer at a time, so that there is nothing to be done. PostgreSQL has several: what one reads another may
change before it writes. Whoever locks several rows does so in this order: the conversation's, its messages', the key's.
"""

from sqlalchemy import Column, Connection, bindparam, select

from app.store.tables import conversations, keys, runs, users, workflows
from app.store.trips import unanswered

_LOCKS = {
    column: unanswered(select(column).where(column == bindparam("row")).with_for_update(key_share=True))
    for column in (conversations.c.id, keys.c.id, runs.c.id, users.c.id, workflows.c.id)
}
_DELETED = {column: query.with_for_update() for column, query in _LOCKS.items()}


def lock_row(connection: Connection, column: Column[str], row_id: str, *, to_delete: bool = False) -> None:
    """Wait for whoever has locked the row with this id. Rows that refer to it may be added meanwhile, unless it is `to
    be deleted`."""
    if connection.dialect.name != "sqlite":
        connection.execute((_DELETED if to_delete else _LOCKS)[column], {"row": row_id})
