"""What one step does: a generator of batches of events that returns the step's result."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.engine.agent import ToolContext
from app.engine.answer_calls import MAX_REPEATS
from app.engine.engine import Engine
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, RoundFinished, RoundStarted, TextDelta, ToolCalled, ToolReturned
from app.engine.generation import GenerationInput
from app.engine.messages import FinishReason, Usage, text_message
from app.engine.ports import Stream
from app.engine.question import Question
from app.engine.rounds import Rounds
from app.engine.sources import Sources
from app.workflows.definition import AskModel, CallTool, Limits, Say, Step, most_rounds, templates_of
from app.workflows.schedule import Fill
from app.workflows.templates.language import Template


class StepError(Exception):
    """The step has failed; the message says why, and may be shown."""


class StepRunner:
    """Runs the steps of one run, several at once, within the run's limits.

    - `usage`: tokens of all models' rounds so far. `model`: the name of the model that answered last.
    - `finish_reason`: of the step that answers, "stop" where it asks no model.
    - `paid_models`: the model of each try at a step, once it has accepted the prompt.
    - `answer_rounds`: of the step that answers, while and after it asks a model.
    """

    def __init__(self, limits: Limits, engine: Engine, question: Question, source: GenerationInput, fill: Fill) -> None:
        self.usage = Usage()
        self.model: str | None = None
        self.finish_reason: FinishReason = "stop"
        self.answer_rounds: Rounds | None = None
        self._limits = limits
        self._engine, self._question, self._source, self._fill = engine, question, source, fill
        self._open_calls: dict[str, ToolCalled] = {}  # those without a result, by their ids
        self._running_rounds: set[Rounds] = set()
        self._running_tools: set[Stream[ToolReturned]] = set()
        self._tool_calls = self._model_calls = 0
        self._paid_models: list[str] = []  # of the tries that have ended
        self._equal_calls: Counter[tuple[str, str]] = Counter()

    @property
    def paid_models(self) -> Sequence[str]:
        return [*self._paid_models, *(model for rounds in self._running_rounds for model in rounds.paid_models)]

    def perform(
        self, step: Step, variables: Mapping[str, Any], *, attempt: int, answers: bool
    ) -> Generator[Batch, None, Any]:
        """One attempt (0 is the first) at a step; `answers` says that its text is the answer.

        Raises StepError, TemplateError and ChatError.
        """
        texts = yield from self._fill([*templates_of(step.action)], variables)
        match step.action:
            case CallTool(tool, args):
                call = ToolCalled(self._call_id(step, attempt), tool, _fill_args(args, iter(texts)))
                return (yield from self._call(call, retry=attempt > 0))
            case AskModel():
                return (yield from self._ask(step, texts[0], attempt=attempt, answers=answers))
            case Say():
                return texts[0]

    def stop(self, error: ChatError) -> None:
        """Cancel all models and tools that run, from any greenlet."""
        for rounds in list(self._running_rounds):
            rounds.cancel(error)
        for stream in list(self._running_tools):
            stream.close()

    def fail_open_calls(self, prefix: str = "") -> Batch:
        """A failed result for each call without one whose id begins with the prefix; these calls are closed."""
        calls = [call for call_id, call in self._open_calls.items() if call_id.startswith(prefix)]
        for call in calls:
            del self._open_calls[call.call_id]
        return [ToolReturned(call.call_id, call.name, "It was stopped.", is_error=True) for call in calls]

    def _call(self, call: ToolCalled, *, retry: bool) -> Generator[Batch, None, Any]:
        self._count_tool_call(call, retry=retry)
        self._open_calls[call.call_id] = call
        yield [call]
        agent = replace(self._question.agent, tools=(call.name,))
        context = ToolContext(agent, self._question.user_id, self._question.taker.name)
        stream = self._engine.toolbox.run(context, [call], self._engine.heartbeat)
        self._running_tools.add(stream)
        returned = None
        try:
            for batch in stream:
                if batch:
                    returned = batch[0]
                    self._open_calls.pop(call.call_id, None)
                yield [*batch, *Sources().returned(batch)]
        finally:
            self._running_tools.discard(stream)
            stream.close()
        if returned is None or returned.is_error:
            raise StepError(returned.result if returned else "It was stopped.")
        return returned.result

    def _ask(self, step: Step, prompt: str, *, attempt: int, answers: bool) -> Generator[Batch, None, str]:
        assert isinstance(step.action, AskModel)
        rounds = self._rounds(step.action)
        self._running_rounds.add(rounds)
        if answers:
            self.answer_rounds = rounds
        prefix = self._call_id(step, attempt)
        rounds_left = most_rounds(step.action)
        calls_tools = False
        try:
            self._count_model_call()
            messages = [*self._source.messages[:-1], text_message("user", prompt)]
            order = step.action.prompt.beginning
            rounds.set_source(replace(self._source, messages=messages, resumed=None, order=order))
            for batch in rounds.run():
                rounds.transcript.add(batch)
                if all(type(event) is TextDelta for event in batch):  # almost every batch
                    yield batch
                    continue
                self.model = rounds.model
                events = self._step_events(batch, prefix, retry=attempt > 0)
                if events:
                    yield events
                calls_tools = calls_tools or any(isinstance(event, ToolCalled) for event in batch)
                if calls_tools and any(isinstance(event, RoundFinished) for event in batch):
                    calls_tools, rounds_left = False, rounds_left - 1
                    if rounds_left:
                        self._count_model_call()  # another round follows
        except ChatError:
            results = self.fail_open_calls(prefix)
            if results:
                yield results
            raise
        finally:
            self.usage += rounds.usage
            self._running_rounds.discard(rounds)
            self._paid_models += rounds.paid_models
            rounds.close()
        if answers:
            self.finish_reason = rounds.finish_reason
        return rounds.transcript.message().text

    def _rounds(self, action: AskModel) -> Rounds:
        """Rounds of the agent with the step's tools in place of its own."""
        agent, tools = self._question.agent, action.tools
        agent = replace(
            agent,
            tools=tools,
            client_tools=(),
            knowledge=agent.knowledge if "knowledge" in tools else (),
            max_rounds=most_rounds(action),
        )
        return Rounds(self._engine, replace(self._question, agent=agent, runs_tools=False, tools=()))

    def _step_events(self, batch: Batch, prefix: str, *, retry: bool) -> Batch:
        """The events of a step's rounds as events of the run: without the rounds' own, and with the prefix before the
        ids of calls.

        Raises ChatError where a call exceeds the limits; then none of the batch is passed on.
        """
        for event in batch:
            if isinstance(event, ToolCalled):
                self._count_tool_call(event, retry=retry)
        events: list[Event] = []
        for event in batch:
            match event:
                case RoundStarted() | RoundFinished():
                    pass
                case ToolCalled():
                    call = replace(event, call_id=f"{prefix}_{event.call_id}")
                    self._open_calls[call.call_id] = call
                    events.append(call)
                case ToolReturned():
                    returned = replace(event, call_id=f"{prefix}_{event.call_id}")
                    self._open_calls.pop(returned.call_id, None)
                    events.append(returned)
                case _:
                    events.append(event)
        return events

    def _count_model_call(self) -> None:
        """Raises ChatError(WORKFLOW_LIMIT) where it is one too many."""
        self._model_calls += 1
        if self._model_calls > self._limits.model_calls:
            raise ChatError(Problem.WORKFLOW_LIMIT, "The workflow asked models too often")

    def _count_tool_call(self, call: ToolCalled, *, retry: bool) -> None:
        """Raises ChatError: WORKFLOW_LIMIT where it is one too many, TOOL_LOOP where the same call was made more than
        MAX_REPEATS times, retries aside."""
        self._tool_calls += 1
        if self._tool_calls > self._limits.tool_calls:
            raise ChatError(Problem.WORKFLOW_LIMIT, "The workflow called tools too often")
        if not retry:
            self._equal_calls[call.name, repr(sorted(call.args.items()))] += 1
        if max(self._equal_calls.values()) > MAX_REPEATS:
            raise ChatError(Problem.TOOL_LOOP)

    def _call_id(self, step: Step, attempt: int) -> str:
        """Unique in the conversation: callers find a call by its id. For a model step, the prefix of its calls' ids."""
        return f"{step.id}_{self._source.answer_id[:8]}" + (f"_{attempt}" if attempt else "")


def _fill_args(args: Any, texts: Iterator[str]) -> Any:
    """The arguments with the next of the texts in place of each template, in the order of `templates_of`."""
    if isinstance(args, Template):
        return next(texts)
    if isinstance(args, Mapping):
        return {key: _fill_args(value, texts) for key, value in args.items()}
    if isinstance(args, list):
        return [_fill_args(value, texts) for value in args]
    return args
