"""Messages as this wire's JSON; times are epoch milliseconds."""

from collections.abc import Mapping
from typing import Any

from app.engine.events import TurnFinished, TurnStarted
from app.engine.messages import Message, SourcePart
from app.store.answer_states import AnswerState
from app.store.messages import Feedback, StoredMessage

MOST_SOURCES = 5  # of an answer
RATINGS: Mapping[str | None, Feedback | None] = {"up": "positive", "down": "negative", None: None}
_RATED = {feedback: rating for rating, feedback in RATINGS.items()}


def answer(started: TurnStarted, finished: TurnFinished) -> dict[str, Any]:
    """One that was not streamed."""
    ids = {"conversationId": finished.conversation_id, "messageId": started.answer_id}
    return {**ids, "message": finished.message.text, **sources(finished.message)}


def stopped(state: AnswerState) -> dict[str, Any]:
    """How an answer stands that somebody has asked to end."""
    kept = {"messageId": state.id, "status": state.status, "message": state.message.text, **sources(state.message)}
    return {**kept, "credits": state.credits}


def sources(message: Message) -> dict[str, Any]:
    """The field `sources`: what the answer may be based on, best first; none where it is based on nothing."""
    found = [part for part in message.parts if isinstance(part, SourcePart)][:MOST_SOURCES]
    shown = [{"title": part.source, **({"url": part.link} if part.link else {})} for part in found]
    return {"sources": shown} if shown else {}


def history_message(stored: StoredMessage) -> dict[str, Any]:
    shown = {
        "role": stored.message.role,
        "message": stored.message.text,
        "status": stored.status,
        "createdAt": stored.created_at,
    }
    if stored.message.role == "assistant":
        rating = {"rating": _RATED[stored.feedback]} if stored.feedback else {}
        shown |= {"messageId": stored.id, **sources(stored.message), **rating}
    return shown
