"""What a turn is made from: the engine that all turns share, and the question of this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.engine.conversation import Charge, ConversationRef, Conversations, Payer, Rewind
from app.engine.generation import Plan
from app.engine.messages import Message
from app.engine.ports import Agent, AgentModel, Knowledge, SamplingOptions, Toolbox
from app.engine.running_turns import RunningTurns


@dataclass(frozen=True, slots=True)
class Engine:
    """What every turn shares."""

    models: Mapping[tuple[str, ...], AgentModel]  # by the agents' models, and each model by itself
    prices: Mapping[str, int]  # credits for an answer, by the model's name
    toolbox: Toolbox
    knowledge: Knowledge
    conversations: Conversations
    live: RunningTurns
    heartbeat: float
    plans: Mapping[str, Plan] = field(default_factory=dict)  # of agents that have one, by their ids


@dataclass(frozen=True, slots=True)
class Question:
    """What a wire asks the engine. The last message is the user's; `history` is how many stored messages the
    model sees before the new ones.

    `external_id` is the caller's own id for the last message. `runs_tools` says that the caller runs the agent's client
    tools. `client_history` is what the model sees instead of stored messages and new ones. `user_id` is who asks, where
    one has signed in. `plan` goes before the agent's own.
    """

    agent: Agent
    conversation: ConversationRef
    messages: Sequence[Message]
    request_id: str
    payer: Payer | None
    options: SamplingOptions = field(default_factory=SamplingOptions)
    history: int = 0
    external_id: str | None = None
    rewind: Rewind | None = None
    runs_tools: bool = False
    client_history: Sequence[Message] | None = None
    user_id: str | None = None
    plan: Plan | None = None

    def charge(self, prices: Mapping[str, int]) -> Charge | None:
        """What the question may cost at most is held of a budget: the dearest of the agent's models may answer."""
        if self.payer is None:
            return None
        dearest = max(prices[model] for model in self.agent.models)
        return Charge(self.payer.account, dearest if self.payer.budgeted else 0)
