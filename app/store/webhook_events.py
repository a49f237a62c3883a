"""What webhooks are told of: each event, when it arises, and what its data says. docs/webhooks.md has it as a table."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_QUESTION = 2000  # characters of a question's text


@dataclass(frozen=True, slots=True)
class Event:
    """`data` says what stands under each name of the payload's `data`."""

    arises: str
    data: Mapping[str, str]


_CONVERSATION = {
    "conversation_id": "the conversation, as the database has it: 32 hexadecimal digits",
    "agent": "its agent",
    "channel": "its wire",
    "end_user": "for whom it was asked, as the caller names them, or null",
}
_QUESTION = {
    "question_id": "the message that asks",
    "question": f"its text, the first {MOST_QUESTION:,} characters",
}
_ANSWER = {**_CONVERSATION, **_QUESTION, "answer_id": "the message that answers"}

EVENTS: Mapping[str, Event] = {
    "conversation.started": Event("Somebody has asked the first question of a conversation", _CONVERSATION | _QUESTION),
    "question.unanswered": Event("The built-in model has found no answer to a question", _ANSWER),
    "handover.requested": Event("Somebody has asked for a person", _ANSWER),
    "feedback.negative": Event("An answer was rated negative", _ANSWER),
    "budget.exhausted": Event(
        "A key's budget is used up, or does not cover a question that was asked; told once for each budget",
        {
            "key_id": "the key's id (`flask keys list`), never the key",
            "key_name": "its name",
            "agent": "its agent",
            "credits": "its budget",
            "spent": "what its answers have cost",
        },
    ),
    "model.circuit_opened": Event(
        "A model has failed so often that it is passed over; told once in ten minutes for each model",
        {
            "model": "the model's name in the configuration",
            "agents": "the agents that it answers for",
            "seconds": "for how long it is passed over",
        },
    ),
}

TEST = "webhook.test"
"""What `flask webhooks test` sends; its data has the `webhook`'s name."""
