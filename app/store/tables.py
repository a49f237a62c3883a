"""The tables, as SQLAlchemy Core sees them. A change here needs a migration in migrations/versions.

Columns that end in `_at`, and `at`, are milliseconds since the epoch (wall clock); ids are 32 random hexadecimal
digits, except those of things, which are numbers. A `hash` is SHA-256 in hexadecimal.
"""

import time

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    literal_column,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG = BigInteger().with_variant(
    Integer(), "sqlite"
)  # whose integers have 64 bits, and whose ids may have no other type

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agent", String(64), nullable=False),
    Column("channel", String(32), nullable=False, key="wire"),  # the column keeps its old name until a migration
    Column("owner", String(64), nullable=False),
    Column("external_id", String(128)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False, index=True),
    Column("title", String(200)),
    Column("end_user", String(128), index=True),
    Column("state", String(16), nullable=False, server_default="ongoing"),
    Column("posted", LargeBinary),  # what was posted before the question (posted.py)
    Column("follows", String(32)),  # the conversation that holds it instead; no foreign key: that one may be deleted
    Column("digest", String(64)),  # of what was posted, with the question
    Column("pinned", Boolean, nullable=False, server_default=false()),  # kept, whatever its age (retention.py)
    UniqueConstraint("owner", "wire", "agent", "external_id"),
    Index("ix_conversations_owner_created_at", "owner", "wire", "agent", "created_at"),
    Index(
        "ix_conversations_digest",
        *("digest", "created_at"),
        sqlite_where=text("digest IS NOT NULL"),
        postgresql_where=text("digest IS NOT NULL"),
    ),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("sequence", Integer, nullable=False),  # from 1 in each conversation
    Column("role", String(16), nullable=False),
    Column("parts", JSON, nullable=False),
    Column("status", String(16), nullable=False),  # running, complete, interrupted, failed, superseded
    Column("finish_reason", String(16)),
    Column("prompt_tokens", BIG),
    Column("completion_tokens", BIG),
    Column("model", String(128)),
    Column("created_at", BigInteger, nullable=False),
    Column("external_id", String(128)),  # the caller's own id for a question
    Column("feedback", String(8)),
    Column("credits", BIG),  # what the answer cost
    Column("worker", String(32)),  # that makes the answer, or made it
    Column("payer", String(32)),  # the key that pays for the answer
    Column("held", BigInteger, nullable=False, server_default="0"),  # of the payer's budget, while the answer runs
    Column("mark", String(16)),  # of an answer: unanswered, handover
    Column("request_key", String(64)),  # a hash: of the caller's Idempotency-Key, and of whose and for what it is
    Column("fingerprint", String(64)),  # of what was asked with it
    Column("asked_again_until", BigInteger),  # when that is forgotten
    Column("due", BigInteger, nullable=False, server_default="0"),  # credits, should its worker die while it runs
    Column("status_before", String(16)),  # of what has made room (superseded)
    Column("stop", Boolean),  # somebody has asked another worker to end the answer, while it runs
    Column("heard", Integer, nullable=False, server_default="0"),  # how often who listens elsewhere has said so
    Column("request", JSON(none_as_null=True)),  # what an answer's caller may look up (kept_requests.py)
    UniqueConstraint("conversation_id", "sequence"),
    Index(
        "uq_messages_request_key",
        "request_key",
        unique=True,
        sqlite_where=text("request_key IS NOT NULL"),
        postgresql_where=text("request_key IS NOT NULL"),
    ),
    # The claim: a conversation has one answer that runs.
    Index(
        "uq_messages_running",
        "conversation_id",
        unique=True,
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
    Index(
        "ix_messages_held",
        *("payer", "held"),
        sqlite_where=text("status = 'running' AND held > 0"),
        postgresql_where=text("status = 'running' AND held > 0"),
    ),
    # For readers: in SQLite whatever stands behind a row's `parts` takes reading these, which may be megabytes.
    Index(
        "ix_messages_shown",
        *("conversation_id", "sequence"),
        sqlite_where=text("status != 'superseded' AND status != 'running'"),
        postgresql_where=text("status != 'superseded' AND status != 'running'"),
    ),
)

# Parts of answers that were asked for with a key and have gone on since (earlier_answers.py). What is called as in
# `messages` is what stood there then.
earlier_answers = Table(
    "earlier_answers",
    metadata,
    Column("request_key", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("asked_again_until", BigInteger, nullable=False, index=True),
    Column("answer_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("said", Integer, nullable=False),  # how many parts
    Column("digest", String(64), nullable=False),  # of these
    Column("status", String(16), nullable=False),
    Column("finish_reason", String(16)),
    Column("prompt_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("model", String(128)),
    Column("credits", BigInteger),
)

# Not parameters, which a partial index is not used for.
running = messages.c.status == literal_column("'running'")
held = and_(running, messages.c.held > literal_column("0"))
# What readers see: neither what made room for something else nor an answer that is being made (again).
shown = and_(messages.c.status != literal_column("'superseded'"), messages.c.status != literal_column("'running'"))

keys = Table(
    "keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("origins", JSON, nullable=False),
    Column("require_origin", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("credits", BIG),  # the budget; NULL: unlimited
    Column("spent", BIG, nullable=False, server_default="0"),
    Column("expires_at", BigInteger),  # NULL: never
)

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),  # in lower case
    Column("name", String(100), nullable=False),
    Column("password", String(256), nullable=False),  # argon2 hash
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("image", String(2048)),  # an address
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("remembered", Boolean, nullable=False, server_default=true()),
)

things = Table(
    "things",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("content", Text, nullable=False),
    sqlite_autoincrement=True,  # the id of a deleted thing is never another's
)

workflows = Table(
    "workflows",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # the latest of workflow_versions
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# Of those that other hosts know (beats.py); the counter is raised while the worker lives.
workers = Table(
    "workers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("beats", BigInteger, nullable=False),
)

# What webhooks are to be told (outbox.py, deliveries.py).
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),  # the header webhook-id
    Column("webhook", String(64), nullable=False),  # by its name in the configuration
    Column("event", String(64), nullable=False),
    Column(
        "conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    ),  # what was erased is not told
    Column("payload", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("next_at", BigInteger),  # when it is due; NULL: delivered, or given up
    Column("attempts", Integer, nullable=False),  # requests that were begun
    Column("worker", String(32)),  # that sends it now
    Column("tried_at", BigInteger),  # when an attempt failed last
    Column("failing_at", BigInteger),  # and when the first one did
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("delivered_at", BigInteger),
    Column("failed_at", BigInteger),  # when it was given up
    Index(
        "ix_deliveries_webhook_next_at",
        *("webhook", "next_at"),
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)

# One row (installation.py).
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("secret_check", String(64), nullable=False),
)

# Who did what (audit.py).
audit = Table(
    "audit",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("object", String(32)),  # the id of what was changed; no foreign key: most often it is gone
    Column("details", JSON, nullable=False),
    Index("ix_audit_at", "at", "id"),
)

workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("workflow_id", ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("written", JSON, nullable=False),  # the definition
    Column("created_at", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),  # the answer's
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("workflow_id", String(32), nullable=False),  # no foreign key: the workflow may be deleted, its runs stay
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

run_steps = Table(
    "run_steps",
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step_id", String(32), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("result", JSON),
    Column("error", Text),
    Column("number", Integer, nullable=False, server_default="0"),  # in the order in which they ended
)


def now() -> int:
    """Milliseconds since the epoch (wall clock), for columns that end in `_at`."""
    return time.time_ns() // 1_000_000
