"""Tokens, credits and the ids of things count beyond 2^31 on PostgreSQL, as they do on SQLite, whose integers have 64
bits whatever they are called."""

from alembic import op

revision = "0012"
down_revision = "0011"

COLUMNS = {
    "messages": ("prompt_tokens", "completion_tokens", "credits"),
    "keys": ("credits", "spent"),
    "things": ("id",),
}


def upgrade() -> None:
    _change("BIGINT")


def downgrade() -> None:
    _change("INTEGER")


def _change(kind: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, columns in COLUMNS.items():  # each table is written anew once
        op.execute(f"ALTER TABLE {table} {', '.join(f'ALTER COLUMN {column} TYPE {kind}' for column in columns)}")
    op.execute(f"ALTER SEQUENCE things_id_seq AS {kind}")
