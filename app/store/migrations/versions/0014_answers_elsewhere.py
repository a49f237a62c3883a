"""Answers that other workers make: that somebody wants one to end, and that somebody listens to it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("messages", sa.Column("stop", sa.Boolean, nullable=True))
    op.add_column("messages", sa.Column("heard", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("messages", "heard")
    op.drop_column("messages", "stop")
