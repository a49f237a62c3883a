"""What one step does, told as it happens: a generator of batches of events whose value is the step's result."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.engine.agent import ToolContext
from app.engine.engine import Engine
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, RoundFinished, RoundStarted, TextDelta, ToolCalled, ToolReturned
from app.engine.generation import GenerationInput
from app.engine.messages import FinishReason, Usage, said
from app.engine.ports import Stream
from app.engine.question import Question
from app.engine.rounds import MAX_REPEATS, Rounds, sources
from app.workflows.definition import AskModel, CallTool, Limits, Say, Step, most_rounds, templates_of
from app.workflows.schedule import Fill
from app.workflows.templates.language import Template


class StepError(Exception):
    """The step has no result; the message says why, and may be shown."""


class StepRunner:
    """What the steps of one run share: for whom they work, what of it runs now, and what it has taken so far."""

    def __init__(self, limits: Limits, engine: Engine, question: Question, source: GenerationInput, fill: Fill) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self.finish_reason: FinishReason = "stop"
        self.aloud: Rounds | None = None  # the talk with a model that the caller hears
        self.open_calls: dict[str, ToolCalled] = {}  # those that have no result yet
        self._limits = limits
        self._engine, self._question, self._start, self._fill = engine, question, source, fill
        self._talks: set[Rounds] = set()
        self._calls: set[Stream[ToolReturned]] = set()
        self._tool_calls = self._model_calls = 0
        self._same: Counter[tuple[str, str]] = Counter()

    def perform(
        self, step: Step, variables: Mapping[str, Any], *, attempt: int, aloud: bool
    ) -> Generator[Batch, None, Any]:
        """Raises StepError, TemplateError and ChatError."""
        texts = yield from self._fill([*templates_of(step.action)], variables)
        match step.action:
            case CallTool(tool, args):
                # A call's id is unlike any other in the conversation: callers find a call by it.
                call = ToolCalled(self._id(step, attempt), tool, _filled_in(args, iter(texts)))
                return (yield from self._call(call, again=attempt > 0))
            case AskModel():
                return (yield from self._ask(step, texts[0], attempt=attempt, aloud=aloud))
            case Say():
                return texts[0]

    def stop(self, error: ChatError) -> None:
        """End whatever runs, from any greenlet."""
        for talk in list(self._talks):
            talk.cancel(error)
        for calls in list(self._calls):
            calls.close()

    def _call(self, call: ToolCalled, *, again: bool) -> Generator[Batch, None, Any]:
        self._count(call, again=again)
        self.open_calls[call.call_id] = call
        yield [call]
        context = ToolContext(replace(self._question.agent, tools=(call.name,)), self._question.user_id)
        stream = self._engine.toolbox.run(context, [call], self._engine.heartbeat)
        self._calls.add(stream)
        returned = None
        try:
            for batch in stream:
                returned = batch[0] if batch else returned
                if batch:
                    self.open_calls.pop(call.call_id, None)
                yield [*batch, *sources(batch)]
        finally:
            self._calls.discard(stream)
            stream.close()
        if returned is None or returned.is_error:
            raise StepError(returned.result if returned else "It was stopped.")
        return returned.result

    def _ask(self, step: Step, prompt: str, *, attempt: int, aloud: bool) -> Generator[Batch, None, str]:
        assert isinstance(step.action, AskModel)
        agent = self._question.agent
        knowledge = agent.knowledge if "knowledge" in step.action.tools else ()
        rounds = most_rounds(step.action)
        agent = replace(agent, tools=step.action.tools, client_tools=(), knowledge=knowledge, max_rounds=rounds)
        talk = Rounds(self._engine, replace(self._question, agent=agent, runs_tools=False))
        self._talks.add(talk)
        if aloud:
            self.aloud = talk
        name = self._id(step, attempt)
        calls_tools = False
        try:
            self._count_model()
            talk.set_source(
                replace(self._start, messages=[*self._start.messages[:-1], said("user", prompt)], resumed=None)
            )
            for batch in talk.run():
                talk.transcript.add(batch)
                if all(type(event) is TextDelta for event in batch):  # nearly always
                    yield batch
                    continue
                self.model = talk.model
                told = self._told(batch, name, again=attempt > 0)
                if told:
                    yield told
                calls_tools = calls_tools or any(isinstance(event, ToolCalled) for event in batch)
                if calls_tools and any(isinstance(event, RoundFinished) for event in batch):
                    calls_tools, rounds = False, rounds - 1
                    if rounds:
                        self._count_model()  # it is about to be asked again
        except ChatError:
            left = self.without_result(name)
            if left:
                yield left
            raise
        finally:
            self.usage += talk.usage
            self._talks.discard(talk)
            talk.close()
        if aloud:
            self.finish_reason = talk.finish_reason
        return talk.transcript.message().text

    def _told(self, batch: Batch, name: str, *, again: bool) -> Batch:
        """What a talk within a step tells of, its calls under names of the step's. Raises ChatError where one is too
        many; then none of them is told."""
        for event in batch:
            if isinstance(event, ToolCalled):
                self._count(event, again=again)
        events: list[Event] = []
        for event in batch:
            match event:
                case RoundStarted() | RoundFinished():
                    pass
                case ToolCalled():
                    call = replace(event, call_id=f"{name}_{event.call_id}")
                    self.open_calls[call.call_id] = call
                    events.append(call)
                case ToolReturned():
                    returned = replace(event, call_id=f"{name}_{event.call_id}")
                    self.open_calls.pop(returned.call_id, None)
                    events.append(returned)
                case _:
                    events.append(event)
        return events

    def without_result(self, name: str = "") -> Batch:
        """A failed result for each call that will have none; only of those whose id begins so."""
        left = [call for call_id, call in self.open_calls.items() if call_id.startswith(name)]
        for call in left:
            del self.open_calls[call.call_id]
        return [ToolReturned(call.call_id, call.name, "It was stopped.", is_error=True) for call in left]

    def _count_model(self) -> None:
        """Raises ChatError where it would be asked too often."""
        self._model_calls += 1
        if self._model_calls > self._limits.model_calls:
            raise ChatError(Problem.WORKFLOW_LIMIT, "The workflow asked models too often")

    def _count(self, call: ToolCalled, *, again: bool) -> None:
        """Raises ChatError where there have been too many calls, or too often the same."""
        self._tool_calls += 1
        if self._tool_calls > self._limits.tool_calls:
            raise ChatError(Problem.WORKFLOW_LIMIT, "The workflow called tools too often")
        if not again:
            self._same[call.name, repr(sorted(call.args.items()))] += 1
        if max(self._same.values()) > MAX_REPEATS:
            raise ChatError(Problem.TOOL_LOOP)

    def _id(self, step: Step, attempt: int) -> str:
        return f"{step.id}_{self._start.answer_id[:8]}" + (f"_{attempt}" if attempt else "")


def _filled_in(args: Any, texts: Iterator[str]) -> Any:
    """With each of the texts in the place of its template, in the order of `templates_of`."""
    if isinstance(args, Template):
        return next(texts)
    if isinstance(args, Mapping):
        return {key: _filled_in(value, texts) for key, value in args.items()}
    if isinstance(args, list):
        return [_filled_in(value, texts) for value in args]
    return args
