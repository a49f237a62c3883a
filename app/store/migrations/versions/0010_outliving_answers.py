"""Answers that outlive their callers: the same question again by its caller's key (which answer it has, until when it
counts, what was asked), and what an answer costs by now whose worker may die."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("messages", sa.Column("request_key", sa.String(64), nullable=True))
    op.add_column("messages", sa.Column("fingerprint", sa.String(64), nullable=True))
    op.add_column("messages", sa.Column("asked_again_until", sa.BigInteger, nullable=True))
    op.add_column("messages", sa.Column("due", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index(
        "uq_messages_request_key",
        "messages",
        ["request_key"],
        unique=True,
        sqlite_where=sa.text("request_key IS NOT NULL"),
        postgresql_where=sa.text("request_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_messages_request_key", "messages")
    op.drop_column("messages", "due")
    op.drop_column("messages", "asked_again_until")
    op.drop_column("messages", "fingerprint")
    op.drop_column("messages", "request_key")
