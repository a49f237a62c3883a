"""Replies that are no response."""

from collections.abc import Sequence
from typing import Any

from app.engine.events import TurnFinished, TurnStarted
from app.web.requests.query import invalid
from app.wires.responses.items import Item
from app.wires.responses.resource import PREFIX, usage_body


def deleted(response_id: str) -> dict[str, Any]:
    return {"id": response_id, "object": "response", "deleted": True}


def compacted(started: TurnStarted, finished: TurnFinished, item: Item) -> dict[str, Any]:
    return {
        "id": f"{PREFIX}{started.answer_id}",
        "object": "response.compaction",
        "created_at": started.created_at // 1000,
        "output": [item],
        "usage": usage_body(finished.usage),
    }


def page_of(items: Sequence[Item], limit: int, order: str, after: str | None) -> dict[str, Any]:
    """`items` are oldest first; `after` is the id of the last one of the page before. Raises ChatError(INVALID) where
    there is none of that id."""
    ordered = [*items] if order == "asc" else [*items][::-1]
    if after:
        place = next((index for index, item in enumerate(ordered) if item["id"] == after), None)
        if place is None:
            raise invalid([("after", "There is no such item.")])
        ordered = ordered[place + 1 :]
    page = ordered[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(ordered) > limit,
    }
