"""What callers post of a conversation each time, kept once; and an index by which a page of messages is read alone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEPT = sa.text("digest IS NOT NULL")
SHOWN = sa.text("status != 'superseded' AND status != 'running'")


def upgrade() -> None:
    op.add_column("conversations", sa.Column("posted", sa.LargeBinary(), nullable=True))
    op.add_column("conversations", sa.Column("follows", sa.String(32), nullable=True))
    op.add_column("conversations", sa.Column("digest", sa.String(64), nullable=True))
    op.create_index(
        "ix_conversations_digest",
        *("conversations", ["digest", "created_at"]),
        sqlite_where=KEPT,
        postgresql_where=KEPT,
    )
    op.create_index(
        "ix_messages_shown",
        *("messages", ["conversation_id", "sequence"]),
        sqlite_where=SHOWN,
        postgresql_where=SHOWN,
    )


def downgrade() -> None:
    op.drop_index("ix_messages_shown", "messages")
    op.drop_index("ix_conversations_digest", "conversations")
    for column in ("digest", "follows", "posted"):
        op.drop_column("conversations", column)
