"""What a turn needs from the outside world, as protocols; the rooms above the engine implement them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from app.engine.events import ReasoningDelta, TextDelta, ToolCalled, ToolReturned
from app.engine.messages import Answer, FinishReason, Message, Usage

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Agent:
    """Who answers: a name, a model, and what the model is told and may use."""

    id: str
    name: str
    model: str
    instructions: str = ""
    tools: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()
    public: bool = False
    allow_system: bool = False
    show_tools: bool = False
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask of the model; None leaves it to the configuration."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None

    def within(self, agent: Agent, spent: int = 0) -> "Options":
        """The same, with the agent's ceiling on the length of an answer, of which `spent` tokens have been said."""
        limits = [limit for limit in (self.max_tokens, agent.max_tokens) if limit is not None]
        return replace(self, max_tokens=max(min(limits) - spent, 1) if limits else None)


@dataclass(frozen=True, slots=True)
class Prompt:
    """All a model gets to see: oldest message first, the last one from the user or, between two rounds of tool
    calls, the assistant's unfinished answer."""

    agent: Agent
    messages: Sequence[Message]
    options: Options


@dataclass(frozen=True, slots=True)
class ModelFinished:
    """A model's last chunk."""

    finish_reason: FinishReason
    usage: Usage


Chunk = TextDelta | ReasoningDelta | ToolCalled | ModelFinished


class Stream(Protocol[T_co]):
    """Batches as they come; an empty one after each heartbeat interval of silence.

    `close` may be called at any time, from any greenlet, and more than once: it cancels what runs upstream at
    once, and the iteration ends.
    """

    def __iter__(self) -> Iterator[Sequence[T_co]]: ...
    def close(self) -> None: ...


class Model(Protocol):
    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """Connect before returning, so that a refusal is a ChatError here and not in mid-answer.

        The stream's last chunk is ModelFinished; it raises ChatError where the model breaks off.
        """
        ...


class Toolbox(Protocol):
    def run(self, agent: Agent, calls: Sequence[ToolCalled], heartbeat: float) -> Stream[ToolReturned]:
        """Run the calls side by side; every call gets its one result, in order of completion."""
        ...


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """Where a conversation belongs. `external_id` is the caller's own name for it, unique for its owner."""

    agent: str
    channel: str
    owner: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    ref: ConversationRef
    is_new: bool = False


class Conversations(Protocol):
    def find(self, ref: ConversationRef) -> Conversation | None: ...

    def add_question(self, conversation: Conversation, messages: Mapping[str, Message], history: int) -> list[Message]:
        """Commit new messages (id -> message) and return the up to `history` ones before them, oldest first.

        Creates the conversation where it is new; raises ChatError(BUSY) if another request created it meanwhile.
        """
        ...

    def add_answer(self, conversation_id: str, answer_id: str, answer: Answer) -> None:
        """Commit the assistant's message."""
        ...
