"""Messages as this wire's JSON; times are epoch milliseconds."""

from typing import Any

from app.store.messages import StoredMessage


def history_message(stored: StoredMessage) -> dict[str, Any]:
    return {
        "role": stored.message.role,
        "message": stored.message.text,
        "status": stored.status,
        "createdAt": stored.created_at,
    }
