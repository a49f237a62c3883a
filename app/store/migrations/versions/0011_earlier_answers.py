"""The same question again by its caller's key, whatever has become of its answer: how one had ended that has made room,
and how one stood that has gone on since.

Of those that have made room so far, the reason for their end says how; "other" is what broken off ones have, and hardly
any else.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("messages", sa.Column("status_before", sa.String(16), nullable=True))
    op.execute(
        "UPDATE messages SET status_before = CASE coalesce(finish_reason, 'other') "
        "WHEN 'error' THEN 'failed' WHEN 'other' THEN 'interrupted' ELSE 'complete' END "
        "WHERE request_key IS NOT NULL AND status = 'superseded'"
    )
    op.create_table(
        "earlier_answers",
        sa.Column("request_key", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("asked_again_until", sa.BigInteger(), nullable=False),
        sa.Column("answer_id", sa.String(32), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("finish_reason", sa.String(16), nullable=True),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("model", sa.String(128), nullable=True),
        sa.Column("credits", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("request_key", name="pk_earlier_answers"),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["messages.id"], name="fk_earlier_answers_answer_id", ondelete="CASCADE"
        ),
    )
    for column in ("answer_id", "asked_again_until"):
        op.create_index(f"ix_earlier_answers_{column}", "earlier_answers", [column])


def downgrade() -> None:
    op.drop_table("earlier_answers")
    op.drop_column("messages", "status_before")
