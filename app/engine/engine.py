"""The engine that all turns of a worker share, and the plans that make answers in place of a model's rounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.engine.generation import Generation
from app.engine.ports import AgentModel, Conversations, Knowledge, Toolbox
from app.engine.question import Question
from app.engine.running_turns import RunningTurns


class Plan(Protocol):
    """Another way to make an answer than a model's rounds, such as a workflow."""

    def generation(self, engine: "Engine", question: Question) -> Generation:
        """A generation that has not been prepared yet, for one turn."""
        ...

    @property
    def most_paid(self) -> int:
        """The most models that have to be paid for one answer."""
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """What all turns of a worker share.

    - `models`: by `Agent.models`, and each model by itself as a tuple of one name.
    - `prices`: credits for an answer, by the model's name.
    - `answer_bytes`: the most that models may write for one answer, over all rounds (of a workflow, for each step).
    - `heartbeat`: seconds of silence after which a turn yields an empty batch.
    - `plans`: by the ids of the agents that have one.
    """

    models: Mapping[tuple[str, ...], AgentModel]
    prices: Mapping[str, int]
    toolbox: Toolbox
    knowledge: Knowledge
    conversations: Conversations
    running_turns: RunningTurns
    heartbeat: float
    answer_bytes: int
    plans: Mapping[str, Plan] = field(default_factory=dict)
