"""What an answer's caller may look up of its request."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("messages", sa.Column("request", sa.JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "request")
