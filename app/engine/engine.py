"""What a turn is made from: the engine that all turns share, and the question of this one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.engine.live import LiveTurns
from app.engine.messages import Message
from app.engine.ports import Agent, AgentModel, ConversationRef, Conversations, Knowledge, Options, Toolbox


@dataclass(frozen=True, slots=True)
class Engine:
    """What every turn shares."""

    models: Mapping[str, AgentModel]  # by the agent's id
    toolbox: Toolbox
    knowledge: Knowledge
    conversations: Conversations
    live: LiveTurns
    heartbeat: float


@dataclass(frozen=True, slots=True)
class Question:
    """What a dialect asks the engine. The last message is the user's; `history` is how many stored messages the
    model sees before the new ones."""

    agent: Agent
    conversation: ConversationRef
    messages: Sequence[Message]
    request_id: str
    options: Options = field(default_factory=Options)
    history: int = 0
