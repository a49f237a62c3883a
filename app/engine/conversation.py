"""What a turn gives to the store and gets back from it: the question, its conversation, and what the answer costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.engine.messages import Message, ToolResultPart, Usage


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """Identifies a conversation within its agent, wire and owner.

    - With `id` it must exist.
    - With `external_id`, the caller's own name for it, it is found by that name or created under it.
    - With neither a new one is created.

    `end_user` is stored where a conversation is created, and ignored where it exists.
    """

    agent: str
    wire: str
    owner: str
    external_id: str | None = None
    id: str | None = None
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class Rewind:
    """Continues a conversation from an earlier point. What follows that point is superseded: it stays in the store, but
    neither models nor callers see it again.

    - "edit": the user's message with the first of `message_ids` that exists, and all that follows, is replaced with the
      new message. Where none exists, the new message is appended.
    - "retry": the answer `message_ids[0]` is replaced with another one to the same question.
    - "again": as "retry", but the id may be the question's too, and the first of `message_ids` that exists counts.
      Where none exists, the new message is appended, if there is one: its first sending may never have arrived.
    - "repeat": the last question is answered again where it has no complete answer and the new message has the same
      text; otherwise the new message is appended. What every wire asks for whose callers name no message.
    - "resume": the last answer, which must be `message_ids[0]`, continues after its calls of `client_tools`, with their
      `results` (by call id), if it ended with "tool-calls". Results that are stored already may be sent again, however
      the answer ended: if one of a client tool is among them, the answer continues after the last of them, and what it
      said after that is dropped. The stored ones count, and results of other calls are ignored: what a tool of the
      server returned is never the caller's to say.
    - "continue": the last answer, which must be `message_ids[0]`, continues after its calls of `client_tools`, whose
      results have been stored one by one (`app/store/tool_results.py`), if it ended with "tool-calls" and none of them
      is missing. One that broke off or failed after such results continues after the last of them.
    """

    kind: Literal["edit", "retry", "again", "repeat", "resume", "continue"]
    message_ids: tuple[str, ...] = ()
    results: Mapping[str, ToolResultPart] = field(default_factory=dict)
    client_tools: frozenset[str] = frozenset()


GOING_ON = ("resume", "continue")
"""The kinds of `Rewind` with which an answer that is stored goes on, after results of client tools."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays for answers: the id of a key, and whether the key has a budget."""

    account: str
    budgeted: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """The payer's key, and the credits that are held of its budget while the answer is made (0 without a budget)."""

    account: str
    held: int = 0


@dataclass(frozen=True, slots=True)
class RequestKey:
    """By which a question is known again: a hash of the caller's own key, with whose it is and what it is for, and a
    hash of what was asked (both SHA-256, hexadecimal)."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class QuestionEntry:
    """A question as the store takes it: the conversation, its new messages (id -> message), and the caller's own id for
    the last of them. `answer_id` is the id of a new answer; `posted` and `request_key` are as in `Question`, and
    `said_before` is how many parts a new answer has already by its `so_far`.

    `answered_before` and `kept` are as in `Question`. `history` is the number of earlier messages to return: fewer
    where the latest of them have more than `history_tokens`, as the prompt estimates them.
    """

    conversation: ConversationRef
    messages: Mapping[str, Message]
    history: int
    answer_id: str
    external_id: str | None = None
    rewind: Rewind | None = None
    charge: Charge | None = None
    posted: Sequence[Message] | None = None
    history_tokens: int = 10_000_000
    request_key: RequestKey | None = None
    said_before: int = 0
    answered_before: bool = False
    kept: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """What the store returns for a question.

    - `messages`: the history that was asked for and the new messages, oldest first.
    - `question_id`: of the message that is answered.
    - `answer_id`: of the answer, which is new or resumed.
    - `end_user`: as the conversation was created with.
    - `created_at`: of the answer, in epoch milliseconds.
    - `resumed`: the message of an answer that continues, with all its results; `cost_before`, the credits that it has
      cost so far, and `usage_before`, its tokens.
    """

    messages: Sequence[Message]
    question_id: str
    answer_id: str
    end_user: str | None
    created_at: int = 0
    resumed: Message | None = None
    cost_before: int = 0
    usage_before: Usage = field(default_factory=Usage)
