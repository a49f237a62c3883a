"""Fakes of the engine's ports: a model, a toolbox, knowledge and a store, which log what they are asked."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.engine.agent import Agent, AnswerOptions, ToolContext, ToolSpec
from app.engine.chunks import ModelFinished
from app.engine.conversation import Charge, ConversationRef, QuestionEntry, StoredQuestion
from app.engine.engine import Engine
from app.engine.errors import ChatError, Problem
from app.engine.events import Event, ToolCalled, ToolReturned
from app.engine.messages import AnswerRecord, Message, Usage, text_message
from app.engine.ports import TakesText
from app.engine.prompt import Passage, Prompt
from app.engine.question import Question
from app.engine.running_turns import RunningTurns, Taker
from app.engine.turn import Turn

Log = list[tuple[Any, ...]]

AGENT = Agent(id="demo", name="Demo", models=("fake",), tools=("echo",))
REF = ConversationRef("demo", "widget", "key:1", "session-1")
TAKER = Taker("somebody")


def finished(reason: str = "stop", prompt: int = 3, completion: int = 2) -> ModelFinished:
    return ModelFinished(reason, Usage(prompt, completion))


class FakeStream:
    """Implements `ModelStream`. Plays batches; an exception among them is raised, a function is called.

    In place of all batches there may be an exception, which `connect` raises, or a function that returns batches.
    """

    def __init__(self, batches: Any, log: Log) -> None:
        self._batches, self._log = batches, log
        self.closed = False
        self.model, self.identity = "fake", "fake-1"
        self.accepted = False
        self.phases: Mapping[str, float] = {}
        self.outcomes: list[Any] = []

    def shorten(self, take: TakesText) -> None:
        """It plays batches alone."""

    def connect(self) -> Iterator[tuple[()]]:
        if callable(self._batches):
            self._batches = self._batches()
        if isinstance(self._batches, Exception):
            raise self._batches
        self.accepted = True
        yield from ()

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

    def ended(self, error: Any) -> None:
        self.outcomes.append(error)

    def close(self) -> None:
        if not self.closed:
            self._log.append(("closed",))
        self.closed = True


class FakeModel:
    """Implements `AgentModel`. Each of `rounds` is what a FakeStream plays; the last one is played in all further
    rounds, too. `prompts` and `asked` are what `ask` was called with: prompts, and names of models."""

    def __init__(self, *rounds: Any, log: Log) -> None:
        self._rounds, self._log = rounds, log
        self.prompts: list[Prompt] = []
        self.asked: list[str | None] = []
        self.streams: list[FakeStream] = []

    def ask(self, prompt: Prompt, heartbeat: float, model: str | None = None) -> FakeStream:
        self._log.append(("opened", heartbeat))
        self.asked.append(model)
        played = self._rounds[min(len(self.prompts), len(self._rounds) - 1)]
        self.prompts.append(prompt)
        self.streams.append(FakeStream(played, self._log))
        return self.streams[-1]


class FakeToolbox:
    """Implements `Toolbox`. Every tool returns its arguments, after the `before` batches."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.before: list[Any] = []

    def specs(self, agent: Agent) -> list[ToolSpec]:
        return [ToolSpec(name, name, {}) for name in agent.tools]

    def run(self, context: ToolContext, calls: Sequence[ToolCalled], heartbeat: float) -> FakeStream:
        self._log.append(("tools", context.agent.id, [call.name for call in calls], heartbeat))
        results = [(ToolReturned(call.call_id, call.name, dict(call.args)),) for call in calls]
        return FakeStream([*self.before, *results], self._log)


class FakeKnowledge:
    """Implements `Knowledge`: one passage for every query."""

    def search(self, agent: Agent, query: str) -> list[Passage]:
        return [Passage("facts.md", "Facts", f"{agent.id} was asked: {query}")]


class FakeConversations:
    """Implements `Conversations` in memory. `refusal` is raised by each add_question, `failures` by add_answer, one for
    each call. `history` is in every conversation already."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.conversation_ids: dict[str | None, str] = {}  # by external id
        self.history: list[Message] = []
        self.questions: list[Mapping[str, Message]] = []
        self.answers: dict[str, AnswerRecord] = {}
        self.refusal: Exception | None = None
        self.failures: list[BaseException] = []

    def add_question(self, entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        if self.refusal:
            raise self.refusal
        ref, messages, history = entry.conversation, entry.messages, entry.history
        exists = ref.external_id in self.conversation_ids
        conversation_id = (
            self.conversation_ids.setdefault(ref.external_id, uuid.uuid4().hex) if ref.external_id else uuid.uuid4().hex
        )
        admit(conversation_id)
        self._log.append(("question", not exists))
        self.questions.append(messages)
        before = self.history[len(self.history) - history :]
        return StoredQuestion([*before, *messages.values()], list(messages)[-1], entry.answer_id, ref.end_user)

    def refuse_repeated(self, entry: QuestionEntry) -> None:
        if entry.request_key and self.refusal:
            raise self.refusal

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None
    ) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self._log.append(("answer", answer.status))
        assert answer_id not in self.answers, "an answer is stored once"
        self.answers[answer_id] = answer

    def abandon(self, entry: QuestionEntry) -> None:
        self._log.append(("abandoned", entry.answer_id))


class World:
    """An engine of fakes. `turn()` makes a turn of it; `log` is what the fakes were asked, in order."""

    def __init__(self, *rounds: Any, capacity: int = 2) -> None:
        self.log: Log = []
        self.model = FakeModel(*rounds, log=self.log)
        self.toolbox = FakeToolbox(self.log)
        self.store = FakeConversations(self.log)
        self.running_turns = RunningTurns(capacity, 99, 99)
        self.engine = Engine(
            {AGENT.models: self.model},
            {"fake": 1},
            self.toolbox,
            FakeKnowledge(),
            self.store,
            self.running_turns,
            heartbeat=7.0,
            answer_bytes=1000,
        )

    def turn(
        self,
        *messages: Message,
        agent: Agent = AGENT,
        ref: ConversationRef = REF,
        options: AnswerOptions | None = None,
        history: int = 0,
        **more: Any,
    ) -> Turn:
        """`more` are further fields of the question."""
        asked, options = messages or (text_message("user", "Hi"),), options or AnswerOptions()
        question = Question(agent, ref, asked, "request-1", None, TAKER, options, history, **more)
        return Turn(self.engine, question)

    def answer(self) -> AnswerRecord:
        """The one answer that was stored."""
        (answer,) = self.store.answers.values()
        return answer


def play(turn: Turn, on_event: Callable[[Event], None] = lambda _: None) -> list[Event]:
    """All events of a turn, from its beginning to its end."""
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
