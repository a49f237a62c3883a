"""What a turn needs from outside, as protocols; the rooms above the engine implement them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from app.engine.agent import Agent, ToolContext, ToolSpec
from app.engine.chunks import Chunk
from app.engine.conversation import Charge, QuestionEntry, StoredQuestion
from app.engine.errors import ModelError
from app.engine.events import ToolCalled, ToolReturned
from app.engine.messages import AnswerRecord
from app.engine.needs import Need
from app.engine.prompt import Passage, Prompt

T_co = TypeVar("T_co", covariant=True)


class Stream(Protocol[T_co]):
    """Batches as they arrive; an empty one after each heartbeat interval in which nothing did."""

    def __iter__(self) -> Iterator[Sequence[T_co]]: ...

    def close(self) -> None:
        """Cancel what produces the stream and end the iteration, at once. May be called at any time, from any greenlet,
        more than once."""
        ...


TakesText = Callable[[str], bool | None]
"""Takes text that has come, called by the event loop: it must not wait. Returns None where it does not take it, and
otherwise whether nobody needs to be woken for that; where somebody does, the stream has an empty batch."""


class Shortened(Protocol):
    """What a stream of chunks may be besides: one whose reader need not be woken for each."""

    def shorten(self, take: TakesText) -> None:
        """From now on text that comes while the reader waits may be taken so, instead of becoming a batch. Whatever
        `take` is not given, or does not take, comes as ever."""
        ...


class Model(Protocol):
    """`takes`: what it heeds of all that a question may need."""

    takes: frozenset[Need]

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """Connect, and return once the model has accepted the prompt. `heartbeat` is in seconds.

        Metadata that the model's chunks had is with their parts in later prompts, as it was; no other model's is.

        Raises ModelError where the model refuses or cannot be reached. The stream's last chunk is ModelFinished; its
        iteration raises ModelError where the model breaks off.
        """
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """What a model may be besides: one whose server counts the tokens of a prompt."""

    def count_tokens(self, prompt: Prompt) -> int:
        """How many the prompt has, as the model would get it; more than 0. Takes a few seconds at most: nobody is told
        anything meanwhile. Raises ModelError where the server does not say it."""
        ...


class ModelStream(Stream[Chunk], Protocol):
    """The answer of one of an agent's models. Use: iterate `connect` to its end, then the stream itself.

    `model` is the name of the configured model that is asked, and answers once `connect` has ended; `identity` is that
    name with which model at which server it stands for. `accepted` says whether it has accepted the prompt, also while
    `connect` waits for its first words. `phases` says how long each phase of its request took, as `PHASE_seconds`, as
    soon as it has ended. Both change where another model is asked after thoughts that led to nothing.

    `shorten` as in `Shortened`, from the first word on.
    """

    model: str
    identity: str

    @property
    def phases(self) -> Mapping[str, float]: ...

    @property
    def accepted(self) -> bool: ...

    def connect(self) -> Iterator[tuple[()]]:
        """Find a model that answers; an empty batch after each heartbeat interval until then. `close` ends it.

        Raises ModelError where no model answers.
        """
        ...

    def shorten(self, take: TakesText) -> None: ...

    def ended(self, error: ModelError | None) -> None:
        """Report the outcome to the model's circuit breaker: None, or the error that the iteration raised."""
        ...


class AgentModel(Protocol):
    """All models of one agent, with fallback and retries.

    A reply without a word and a call is none, unless the answer has words by earlier rounds: the stream fails then.
    """

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        """Those that the one of the models which takes most of them does not take. Without any, `ask` asks none but
        those that take them all."""
        ...

    def count_tokens(self, prompt: Prompt) -> int | None:
        """As the server of the model says that `ask` would ask first, in a few seconds and one try; None where it does
        not. Circuit breakers do not hear of it."""
        ...

    def ask(self, prompt: Prompt, heartbeat: float, model: str | None = None) -> ModelStream:
        """A stream that is not connected yet; `heartbeat` is in seconds.

        With `model`, the name of a configured model, only that one is tried, once, without fallback: later rounds of an
        answer are asked of the model that began it.
        """
        ...


class Knowledge(Protocol):
    def search(self, agent: Agent, query: str) -> Sequence[Passage]:
        """The passages of the agent's knowledge that fit the query, best first."""
        ...


class Toolbox(Protocol):
    def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """The agent's tools, without its client tools."""
        ...

    def run(self, context: ToolContext, calls: Sequence[ToolCalled], heartbeat: float) -> Stream[ToolReturned]:
        """Run the calls concurrently; `heartbeat` is in seconds.

        Exactly one result comes for each call, in order of completion. A tool's failure is a result with `is_error`,
        never an exception; closing the stream cancels the calls that have no result yet.
        """
        ...


class Conversations(Protocol):
    def add_question(self, entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        """Store the question, and its answer as one that runs, with the charge that is held for it, in one transaction.

        `admit` is called with the conversation's id before anything is written; what it raises is raised here, and
        nothing is stored. Raises ChatError: NOT_FOUND, MESSAGE_NOT_FOUND, NOT_ONGOING, EXHAUSTED where the budget does
        not cover the hold, REUSED where the entry's request key was used for something else, BUSY where an answer runs
        in the conversation, in whichever worker, or another request created the same conversation at the same time.
        Raises RepeatedError before all that where the same was asked with that key, unless the answer failed before it
        had said anything.
        """
        ...

    def refuse_repeated(self, entry: QuestionEntry) -> None:
        """Raises RepeatedError, or ChatError(REUSED), where `add_question` would; writes nothing."""
        ...

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None
    ) -> None:
        """Store how the answer that runs has ended, and settle its charge, in one transaction. Again is harmless.

        Tokens and credits are added to those of a resumed answer. Raises ChatError(LOST) where this worker's answer
        does not run any more: the conversation has been erased, or the worker was taken for dead. Nothing is stored or
        charged then. Whatever else is raised, the store keeps the answer and stores it as soon as it can.
        """
        ...

    def abandon(self, entry: QuestionEntry) -> None:
        """End the answer to a question that may have been stored though nobody heard of it. Where nothing was stored,
        nothing happens."""
        ...


class Hints(Protocol):
    """Word to other workers that what they are interested in has news. It may come late, twice or never: whoever hears
    it looks at once at what it would have looked at soon."""

    def tell(self, worker: str, answer_id: str) -> None:
        """Have the worker look at this answer. Waits for nothing, and raises nothing."""
        ...

    def follow(self, worker: str, answer_id: str, position: int | None = None) -> None:
        """Have the worker, which makes this answer, send what it says, from the position on where there is one, for as
        long as this is said again every few seconds. The same."""
        ...

    def leave(self, worker: str, answer_id: str) -> None:
        """Nobody listens any more. The same."""
        ...
