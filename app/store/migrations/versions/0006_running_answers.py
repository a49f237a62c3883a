"""An answer is a row from its question on, which says who makes it and what is held for it.

What keys held is forgotten, and runs that were under way are ended: no server runs while its database is migrated.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

RUNNING = sa.text("status = 'running'")
HELD = sa.text("status = 'running' AND held > 0")


def upgrade() -> None:
    op.add_column("messages", sa.Column("worker", sa.String(32), nullable=True))
    op.add_column("messages", sa.Column("payer", sa.String(32), nullable=True))
    op.add_column("messages", sa.Column("held", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(
        "uq_messages_running",
        *("messages", ["conversation_id"]),
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    )
    op.create_index("ix_messages_held", "messages", ["payer", "held"], sqlite_where=HELD, postgresql_where=HELD)
    op.drop_column("keys", "held")
    runs = sa.table("runs", sa.column("status"), sa.column("ended_at"))
    ended = {"status": "interrupted", "ended_at": time.time_ns() // 1_000_000}
    op.execute(runs.update().where(runs.c.status == "running").values(ended))


def downgrade() -> None:
    op.add_column("keys", sa.Column("held", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE messages SET status = 'interrupted' WHERE status = 'running'")
    op.drop_index("ix_messages_held", "messages")
    op.drop_index("uq_messages_running", "messages")
    for column in ("held", "payer", "worker"):
        op.drop_column("messages", column)
