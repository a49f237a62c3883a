"""${message}"""

import sqlalchemy as sa
from alembic import op

# NNNN_since_NNNN where servers of the version before can go on beside it: docs/architecture.md, "Migrations".
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
