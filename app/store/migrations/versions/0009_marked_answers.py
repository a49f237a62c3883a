"""What operators are to know of answers: that they answer nothing, or that somebody asked for a person."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("messages", sa.Column("mark", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "mark")
