"""How a question enters its conversation, and what the store keeps of the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from app.engine.messages import AnswerRecord, Message, ToolResultPart


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """Where a conversation belongs.

    With an `id` it must exist already. `external_id` is the caller's own name for it, unique for its owner: it is
    found by that name, or made. With neither it is new. `end_user` is whom the caller names, when it is made.
    """

    agent: str
    wire: str
    owner: str
    external_id: str | None = None
    id: str | None = None
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class Rewind:
    """Where a conversation is taken up again: what lies behind is superseded, kept but no longer shown.

    - "edit": the user's message of that id makes room, with all behind it, for the new one. An unknown id rewinds
      nothing.
    - "retry": an answer makes room for another to the same question.
    - "again": the same, for callers who name an answer or a question; the first of `message_ids` that is known counts.
      Where none is, the new message is appended, if there is one: its first sending may never have arrived.
    - "repeat": where the last question has no complete answer and the new message says the same, what there is of an
      answer makes room for another. For callers who ask again by sending the same text.
    - "resume": the last answer goes on where it called the caller's tools, with their `results` (by the call's id).
      Results that came before are sent again where the answer failed behind them; it goes on from there.
    """

    kind: Literal["edit", "retry", "again", "repeat", "resume"]
    message_ids: tuple[str, ...] = ()
    results: Mapping[str, ToolResultPart] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays for answers: a key's id, and whether it has a budget."""

    account: str
    budgeted: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """What an answer may cost its payer: `held` of the budget meanwhile, 0 where there is none."""

    account: str
    held: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """New messages (id -> message), the caller's own id for the last of them, and where they go.

    `history` is how many of the messages before them are wanted.
    """

    conversation: ConversationRef
    messages: Mapping[str, Message]
    history: int
    external_id: str | None = None
    rewind: Rewind | None = None
    charge: Charge | None = None


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """What a model gets to see, oldest first, the new messages among it; the question's id; whom the conversation is
    with. Where an answer is resumed, its id and what it has said so far, results included, and what it has cost."""

    messages: Sequence[Message]
    question_id: str
    end_user: str | None
    resumed: tuple[str, Message] | None = None
    cost_before: int = 0


class Conversations(Protocol):
    def add_question(self, entry: Entry, admit: Callable[[str], None]) -> StoredQuestion:
        """Commit what is new, all or nothing.

        `admit` is told the conversation's id before anything is written; what it raises undoes everything. Raises
        ChatError: NOT_FOUND, MESSAGE_NOT_FOUND, NOT_ONGOING, EXHAUSTED where the budget does not cover what would be
        held, BUSY if another request made the same conversation meanwhile.
        """
        ...

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None, *, resumed: bool
    ) -> None:
        """Commit the assistant's message, and settle the charge. A conversation that was erased meanwhile stays so."""
        ...
