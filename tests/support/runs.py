"""Runs of workflows in this process: the real executor, toolbox and scripted model, with fakes of the stores."""

import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import gevent
from gevent import Greenlet
from marshmallow import Schema, fields
from support.fakes import TAKER, FakeConversations, FakeKnowledge

from app.engine.agent import Agent
from app.engine.conversation import ConversationRef
from app.engine.engine import Engine
from app.engine.errors import ChatError, ModelError, Problem
from app.engine.events import Event, TextDelta, ToolCalled, ToolReturned, TurnFailed, TurnFinished
from app.engine.messages import Message, text_message
from app.engine.ports import ModelStream, TakesText
from app.engine.prompt import Prompt
from app.engine.question import Question
from app.engine.running_turns import RunningTurns
from app.engine.turn import Turn
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.fallback import Candidate, Fallback
from app.providers.local.scripted import ScriptedModel
from app.store.runs import RunStatus, StepRecord
from app.testing.server import script
from app.tools.base import Tool, ToolError
from app.tools.toolbox import ToolRunner
from app.workflows.definition import read
from app.workflows.run import WorkflowPlan

AGENT = Agent(id="demo", name="Demo", models=("scripted",), tools=("work",))


def work(step_id: str, *waits_for: str, **more: Any) -> dict[str, Any]:
    """A step that calls the tool `work`; `seconds` and `fails` are the tool's, the rest is the step's."""
    args = {"id": step_id, **{name: more.pop(name) for name in ("seconds", "fails") if name in more}}
    return {"id": step_id, "tool": "work", "args": args, "dependsOn": list(waits_for), **more}


def say(step_id: str, text: str, *waits_for: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "say": text, "dependsOn": list(waits_for), **more}


SAYS_X = [{"text": "x"}]
"""A script of a model that says a word."""


def ask(step_id: str, played: Sequence[Mapping[str, Any]], *waits_for: str, **more: Any) -> dict[str, Any]:
    """A step whose model plays a script."""
    return {"id": step_id, "prompt": script(*played), "dependsOn": list(waits_for), **more}


class Work:
    """A tool that takes `seconds` and fails the first `fails` times. `begun`, `busy` and `over` are its calls by `id`:
    all, those that run, those that succeeded."""

    class Arguments(Schema):
        id = fields.String(required=True)
        seconds = fields.Float(load_default=0)
        fails = fields.Integer(load_default=0)

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.over: list[str] = []
        self.busy: Counter[str] = Counter()

    def tool(self) -> Tool:
        return Tool("work", "Works.", self.Arguments, self._call, seconds=30)

    def _call(self, _context: Any, args: Mapping[str, Any]) -> dict[str, str]:
        name = args["id"]
        self.begun[name] += 1
        self.busy[name] += 1
        try:
            gevent.sleep(args["seconds"])
        finally:
            self.busy[name] -= 1
        if self.begun[name] <= args["fails"]:
            raise ToolError(f"{name} is out of order")
        self.over.append(name)
        return {"done": name}


class WatchedStream:
    """Implements `ModelStream`; `is_open` until it is closed or has come to its end."""

    def __init__(self, stream: ModelStream) -> None:
        self._stream, self.is_open = stream, True

    @property
    def model(self) -> str:
        return self._stream.model

    @property
    def identity(self) -> str:
        return self._stream.identity

    @property
    def accepted(self) -> bool:
        return self._stream.accepted

    def connect(self) -> Iterator[tuple[()]]:
        yield from self._stream.connect()

    def shorten(self, take: TakesText) -> None:
        self._stream.shorten(take)

    def __iter__(self) -> Iterator[Any]:
        yield from self._stream
        self.is_open = False

    def ended(self, error: ModelError | None) -> None:
        self._stream.ended(error)
        self.is_open = False

    def close(self) -> None:
        self._stream.close()
        self.is_open = False


class WatchedModel:
    """Implements `AgentModel`: the scripted model, and all prompts and streams of it."""

    def __init__(self) -> None:
        candidate = Candidate(ScriptedModel({"script": [{"text": "Hello"}]}), CircuitBreaker("scripted", 10**6, 1))
        self._model = Fallback([candidate], retry_seconds=0.001)
        self.prompts: list[Prompt] = []
        self.streams: list[WatchedStream] = []

    def ask(self, prompt: Prompt, heartbeat: float, model: str | None = None) -> WatchedStream:
        self.prompts.append(prompt)
        self.streams.append(WatchedStream(self._model.ask(prompt, heartbeat, model)))
        return self.streams[-1]


@dataclass
class Records:
    """Implements `RunStore` for one run, in memory."""

    status: RunStatus | None = None
    error: str | None = None
    steps: list[StepRecord] = field(default_factory=list)

    def begin(self, run_id: str, conversation_id: str, workflow_id: str, version: int) -> None:
        assert self.status is None
        self.status = "running"

    def add_steps(self, run_id: str, steps: Sequence[StepRecord]) -> None:
        assert self.status == "running"
        self._keep(steps)

    def end(self, run_id: str, status: RunStatus, error: str | None, steps: Sequence[StepRecord]) -> None:
        assert self.status == "running", "a run ends once"
        self.status, self.error = status, error
        self._keep(steps)

    def _keep(self, steps: Sequence[StepRecord]) -> None:
        """As the store does it: a step that is stored again replaces the first. Here it must be the same."""
        for step in steps:
            assert step in self.steps or step.step_id not in self.statuses(), "a step ends once"
        ids = {step.step_id for step in steps}
        assert len(ids) == len(steps), "a step is stored once at a time"
        self.steps = [*(step for step in self.steps if step.step_id not in ids), *steps]

    def statuses(self) -> dict[str, str]:
        return {step.step_id: step.status for step in self.steps}


class Run:
    """One workflow, asked once; a test may bring an `AgentModel` and a store of runs of its own.

    `turn` may be run by the test itself; `play` runs it to its end.
    """

    def __init__(
        self,
        *steps: Mapping[str, Any],
        heartbeat: float = 5.0,
        runs: Any = None,
        model: Any = None,
        text: str = "Hi",
        **limits: Any,
    ) -> None:
        self.workflow = read("w" * 32, 3, {"name": "W", "steps": list(steps), "limits": limits})
        self.work, self.model = Work(), WatchedModel()
        self.records = runs or Records()
        self.store, self.running_turns = FakeConversations([]), RunningTurns(10, 99, 99)
        models, tools = {AGENT.models: model or self.model}, ToolRunner({"work": self.work.tool()})
        engine = Engine(
            models, {"scripted": 1}, tools, FakeKnowledge(), self.store, self.running_turns, heartbeat, 2**20
        )
        ref, plan = ConversationRef("demo", "widget", "key:1", "s"), WorkflowPlan(self.workflow, self.records)
        self.turn = Turn(
            engine, Question(AGENT, ref, [text_message("user", text)], "request-1", None, TAKER, history=9), plan
        )
        self.events: list[Event] = []
        self.batches: list[tuple[float, Sequence[Event]]] = []

    def play(self) -> "Run":
        self.turn.begin()
        for batch in self.turn.run():
            self.batches.append((monotonic(), batch))
            self.events += batch
        return self

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))

    @property
    def failed(self) -> TurnFailed:
        last = self.events[-1]
        assert isinstance(last, TurnFailed), last
        return last

    @property
    def stored(self) -> Message:
        (answer,) = self.store.answers.values()
        return answer.message

    def check(self) -> None:
        """Assert what is true of every run that is over, however it ended."""
        gevent.sleep(0.002)
        assert +self.work.busy == Counter(), "no tool runs on"
        assert [stream for stream in self.model.streams if stream.is_open] == []
        assert len(self.running_turns) == 0
        assert self.of(TurnFinished, TurnFailed) == self.events[-1:], "one final event, at the end"
        called, returned = self.of(ToolCalled), self.of(ToolReturned)
        ids = [call.call_id for call in called]
        assert len(set(ids)) == len(ids)
        assert sorted(each.call_id for each in returned) == sorted(ids), "each call has its one result"
        for each in returned:
            (call,) = (call for call in called if call.call_id == each.call_id)
            assert self.events.index(call) < self.events.index(each)
            assert call.name == each.name
        assert self.records.status in ("complete", "failed", "interrupted")
        waits_for = {step.id: step.depends_on for step in self.workflow.steps}
        ended = {step.step_id: step for step in self.records.steps}
        for step in self.records.steps:
            for other in waits_for[step.step_id]:
                assert ended[other].ended_at <= step.started_at, "a step starts when those before it are over"


def greenlets() -> set[Greenlet]:
    """Those that have started, or are about to, and are not over; other tests' may end at any time."""
    return {each for each in gc.get_objects() if isinstance(each, Greenlet) and not each.dead}


HANGS = 20


LEFT = ChatError(Problem.LEFT)


OUT = "a is out of order"


CALL = {"call": "work", "args": {"id": "x"}}
