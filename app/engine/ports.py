"""What a turn needs from the outside world, as protocols; the rooms above the engine implement them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from app.engine.errors import ModelError
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled, ToolReturned
from app.engine.messages import FinishReason, Message, Usage

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool; `parameters` is a JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Agent:
    """Who answers: a name, models in the order in which they are tried, and what they are told and may use.

    A model sees at most `history_messages` and, as far as can be guessed, `history_tokens` of a conversation.
    `client_tools` run at the caller's, who is then to bring their results. With `client_history`, callers who bring a
    conversation's history are believed; otherwise the store's counts. `workflow` is the name of the plan that its
    answers follow, if they do.
    """

    id: str
    name: str
    models: tuple[str, ...]
    instructions: str = ""
    tools: tuple[str, ...] = ()
    client_tools: tuple[ToolSpec, ...] = ()
    knowledge: tuple[str, ...] = ()
    workflow: str | None = None
    public: bool = False
    allow_system: bool = False
    show_tools: bool = False
    client_history: bool = False
    stream_format: str = "sse"
    max_tokens: int | None = None
    max_rounds: int = 6
    history_messages: int = 30
    history_tokens: int = 8000


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """What a caller may ask of the model; None leaves it to the configuration."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None

    def within(self, agent: Agent, spent: int = 0) -> "SamplingOptions":
        """The same, with the agent's ceiling on the length of an answer, of which `spent` tokens have been said."""
        limits = [limit for limit in (self.max_tokens, agent.max_tokens) if limit is not None]
        return replace(self, max_tokens=max(min(limits) - spent, 1) if limits else None)


@dataclass(frozen=True, slots=True)
class Prompt:
    """All a model gets to see: oldest message first, the last one from the user or, between two rounds of tool
    calls, the assistant's unfinished answer."""

    agent: Agent
    messages: Sequence[Message]
    options: SamplingOptions
    tools: Sequence[ToolSpec] = ()


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


class ModelStream(Stream[Chunk], Protocol):
    """An answer that is still to begin. Use: iterate `open` to its end, then the stream itself.

    `model` is the name of the configured model that answers, from then on.
    """

    model: str

    def open(self) -> Iterator[tuple[()]]:
        """Ask: an empty batch after each heartbeat interval, until a model begins to answer. Raises ModelError where
        none does. `close` ends it, as it ends the iteration."""
        ...

    def ended(self, error: ModelError | None) -> None:
        """Tell it how the answer ended: in peace, or with the error that its iteration raised."""
        ...


class Model(Protocol):
    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """Connect before returning, so that a refusal is a ModelError here and not in mid-answer.

        The stream's last chunk is ModelFinished; it raises ModelError where the model breaks off.
        """
        ...


class AgentModel(Protocol):
    """All of an agent's models behind one door: which one answers is decided when it opens.

    With `model` that one is asked and no other, once: an answer that has begun is gone on with by who began it.
    """

    def ask(self, prompt: Prompt, heartbeat: float, model: str | None = None) -> ModelStream: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an agent's knowledge: the file it stands in, its heading, its text."""

    source: str
    title: str
    text: str


class Knowledge(Protocol):
    def search(self, agent: Agent, query: str) -> Sequence[Passage]:
        """The passages that fit best, best first."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """For whom a tool is called: the agent, and the user who asks it, where one has signed in."""

    agent: Agent
    user_id: str | None = None


class Toolbox(Protocol):
    def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """The agent's tools, as a model is told of them."""
        ...

    def run(self, context: ToolContext, calls: Sequence[ToolCalled], heartbeat: float) -> Stream[ToolReturned]:
        """Run the calls side by side; every call gets its one result, in order of completion."""
        ...
