"""Honest stand-ins for what a turn needs from outside: a model, a toolbox and a store that log what was asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.engine.errors import ChatError, Problem
from app.engine.events import Event, ToolCalled, ToolReturned
from app.engine.live import LiveTurns
from app.engine.messages import Answer, Message, Usage, said
from app.engine.ports import Agent, Conversation, ConversationRef, ModelFinished, Options, Prompt
from app.engine.turn import Engine, Question, Turn

Log = list[tuple[Any, ...]]

AGENT = Agent(id="demo", name="Demo", model="fake", tools=("echo",))
REF = ConversationRef("demo", "widget", "key:1", "session-1")


def finished(reason: str = "stop", prompt: int = 3, completion: int = 2) -> ModelFinished:
    return ModelFinished(reason, Usage(prompt, completion))


class FakeStream:
    """Implements `Stream`. Plays batches; an exception among them is raised, a function is called."""

    def __init__(self, batches: Sequence[Any], log: Log) -> None:
        self._batches, self._log = batches, log
        self.closed = False

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for batch in self._batches:
            if self.closed:
                return
            if isinstance(batch, Exception):
                raise batch
            if callable(batch):
                batch()
            else:
                yield batch

    def close(self) -> None:
        if not self.closed:
            self._log.append(("closed",))
        self.closed = True


class FakeModel:
    """Implements `Model`. One list of batches for each round; the last one is played again where there are more."""

    def __init__(self, *rounds: Any, log: Log) -> None:
        self._rounds, self._log = rounds, log
        self.prompts: list[Prompt] = []
        self.streams: list[FakeStream] = []

    def open(self, prompt: Prompt, heartbeat: float) -> FakeStream:
        self._log.append(("opened", heartbeat))
        played = self._rounds[min(len(self.prompts), len(self._rounds) - 1)]
        self.prompts.append(prompt)
        if isinstance(played, Exception):
            raise played
        self.streams.append(FakeStream(played, self._log))
        return self.streams[-1]


class FakeToolbox:
    """Implements `Toolbox`. Every tool returns its arguments, after the `before` batches."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.before: list[Any] = []

    def run(self, agent: Agent, calls: Sequence[ToolCalled], heartbeat: float) -> FakeStream:
        self._log.append(("tools", agent.id, [call.name for call in calls], heartbeat))
        results = [(ToolReturned(call.call_id, call.name, dict(call.args)),) for call in calls]
        return FakeStream([*self.before, *results], self._log)


class FakeConversations:
    """Implements `Conversations`, in a dictionary. `failures` are raised by add_answer, one for each call."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.known: dict[str, Conversation] = {}
        self.history: list[Message] = []
        self.questions: list[Mapping[str, Message]] = []
        self.answers: dict[str, Answer] = {}
        self.refusal: Exception | None = None
        self.failures: list[Exception] = []

    def find(self, ref: ConversationRef) -> Conversation | None:
        return self.known.get(ref.external_id or "")

    def add_question(self, conversation: Conversation, messages: Mapping[str, Message], history: int) -> list[Message]:
        if self.refusal:
            raise self.refusal
        self._log.append(("question", conversation.is_new))
        self.known[conversation.ref.external_id or ""] = Conversation(conversation.id, conversation.ref)
        self.questions.append(messages)
        return self.history[len(self.history) - history :]

    def add_answer(self, conversation_id: str, answer_id: str, answer: Answer) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self._log.append(("answer", answer.status))
        assert answer_id not in self.answers, "an answer is stored once"
        self.answers[answer_id] = answer


class World:
    """An engine made of fakes. `turn()` asks it; `log` is what happened, in order."""

    def __init__(self, *rounds: Any, capacity: int = 2) -> None:
        self.log: Log = []
        self.model = FakeModel(*rounds, log=self.log)
        self.toolbox = FakeToolbox(self.log)
        self.store = FakeConversations(self.log)
        self.live = LiveTurns(capacity)
        self._engine = Engine({"fake": self.model}, self.toolbox, self.store, self.live, heartbeat=7.0)

    def turn(
        self,
        *messages: Message,
        agent: Agent = AGENT,
        ref: ConversationRef = REF,
        options: Options | None = None,
        history: int = 0,
    ) -> Turn:
        asked = messages or (said("user", "Hi"),)
        return Turn(self._engine, Question(agent, ref, asked, "request-1", options or Options(), history))

    def answer(self) -> Answer:
        """The one answer that was stored."""
        (answer,) = self.store.answers.values()
        return answer


def play(turn: Turn, on_event: Callable[[Event], None] = lambda _: None) -> list[Event]:
    """Everything that happens in a turn, from its beginning to its end."""
    turn.begin()
    events: list[Event] = []
    for batch in turn.run():
        for event in batch:
            on_event(event)
            events.append(event)
    return events


def problem_of(call: Callable[[], Any]) -> Problem:
    """The problem of the ChatError that `call` raises."""
    try:
        call()
    except ChatError as error:
        return error.problem
    raise AssertionError("no ChatError was raised")
