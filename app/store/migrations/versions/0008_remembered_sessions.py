"""Sessions that end with the browser, and pictures of users."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("users", sa.Column("image", sa.String(2048), nullable=True))
    op.add_column("sessions", sa.Column("remembered", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("sessions", "remembered")
    op.drop_column("users", "image")
