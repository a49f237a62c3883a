"""What histories show (titles, end users, states, feedback), and what answers cost."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("title", sa.String(200), nullable=True))
    op.add_column("conversations", sa.Column("end_user", sa.String(128), nullable=True))
    op.add_column("conversations", sa.Column("state", sa.String(16), nullable=False, server_default="ongoing"))
    op.create_index("ix_conversations_owner_created_at", "conversations", ["owner", "channel", "agent", "created_at"])
    op.create_index("ix_conversations_end_user", "conversations", ["end_user"])
    op.add_column("messages", sa.Column("external_id", sa.String(128), nullable=True))
    op.add_column("messages", sa.Column("feedback", sa.String(8), nullable=True))
    op.add_column("messages", sa.Column("credits", sa.Integer(), nullable=True))
    op.add_column("keys", sa.Column("credits", sa.Integer(), nullable=True))
    op.add_column("keys", sa.Column("spent", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("keys", sa.Column("held", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for column in ("held", "spent", "credits"):
        op.drop_column("keys", column)
    for column in ("credits", "feedback", "external_id"):
        op.drop_column("messages", column)
    op.drop_index("ix_conversations_end_user", "conversations")
    op.drop_index("ix_conversations_owner_created_at", "conversations")
    for column in ("state", "end_user", "title"):
        op.drop_column("conversations", column)
