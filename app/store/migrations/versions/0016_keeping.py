"""What operators need for keeping and erasing: keys that expire, conversations that are kept however old they are, and
who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0016_since_0015"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("keys", sa.Column("expires_at", sa.BigInteger, nullable=True))
    op.create_table(
        "audit",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("object", sa.String(32), nullable=True),
        sa.Column("details", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at", "id"])


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_column("keys", "expires_at")
    op.drop_column("conversations", "pinned")
