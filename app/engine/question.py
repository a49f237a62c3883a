"""What a wire asks the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.agent import Agent, AnswerOptions, ToolSpec
from app.engine.conversation import Charge, ConversationRef, Payer, RequestKey, Rewind
from app.engine.exchange import TraceContext
from app.engine.messages import Message
from app.engine.running_turns import Taker


@dataclass(frozen=True, slots=True)
class Question:
    """A question to an agent.

    - `messages`: the new ones; the last one is the user's. Empty where `rewind` names a message that is stored.
    - `payer`: None where answers cost the caller nothing. `taker`: for whom the turn is counted while it runs.
    - `history`: the number of stored messages that the model sees before the new ones.
    - `external_id`: the caller's own id for the last message.
    - `runs_tools`: whether the caller runs the agent's client tools.
    - `tools`: further ones that the caller runs, as it declares them. One goes before the agent's own of its name.
    - `client_history`: what the model sees in place of the stored and the new messages.
    - `posted`: what the caller brought before the new messages, to be kept with a new conversation; None: nothing is.
    - `so_far`: what the answer has called and found already, as the caller brings it: it is gone on with.
    - `user_id`: of the user who is signed in, if one is.
    - `trace`: the caller's place in a trace, which models' servers are told.
    - `request_key`: where the caller may ask the same again, and is to get the same answer.
    - `kept`: what of the request the caller may look up as long as the answer is there, as JSON; None: nothing.
    - `shows_sources`: whether the caller is shown the answer's sources beside its text.
    """

    agent: Agent
    conversation: ConversationRef
    messages: Sequence[Message]
    request_id: str
    payer: Payer | None
    taker: Taker
    options: AnswerOptions = field(default_factory=AnswerOptions)
    history: int = 0
    external_id: str | None = None
    rewind: Rewind | None = None
    runs_tools: bool = False
    tools: Sequence[ToolSpec] = ()
    client_history: Sequence[Message] | None = None
    posted: Sequence[Message] | None = None
    so_far: Message | None = None
    user_id: str | None = None
    trace: TraceContext = field(default_factory=TraceContext)
    shows_sources: bool = False
    request_key: RequestKey | None = None
    kept: Mapping[str, Any] | None = None

    @property
    def answered_before(self) -> bool:
        """Whether anything was answered before, by what the caller brings: a talk has begun then."""
        brought = self.client_history or ()
        return self.so_far is not None or any(message.role == "assistant" for message in brought)

    @property
    def goes_on(self) -> bool:
        """Whether the caller brings the beginning of the answer: the same was asked before then."""
        brought = self.client_history or ()
        return self.so_far is not None or any(message.role == "assistant" for message in brought[-1:])

    def charge(self, prices: Mapping[str, int], most_paid: int = 1) -> Charge | None:
        """What is held of the payer's budget: the price (in credits) of the dearest of the agent's models, as any of
        them may answer, for each of the `most_paid` that the answer may have to pay. None where nobody pays."""
        if self.payer is None:
            return None
        dearest = max(prices[model] for model in self.agent.models)
        return Charge(self.payer.account, dearest * most_paid if self.payer.budgeted else 0)
