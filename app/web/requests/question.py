"""A question to the engine, from a request that has passed the guard: built here for every wire."""

from collections.abc import Sequence

from app.engine.agent import Agent, SamplingOptions
from app.engine.conversation import ConversationRef, Rewind
from app.engine.messages import Message
from app.engine.question import Question
from app.web.callers.takers import taker_of
from app.web.requests.call import Call

MOST_MESSAGES = 1000  # of a conversation that a caller posts: as many as an agent may be told to look at


def new_question(
    call: Call,
    conversation: ConversationRef,
    messages: Sequence[Message],
    *,
    agent: Agent | None = None,
    history: int = 0,
    options: SamplingOptions | None = None,
    message_id: str | None = None,
    rewind: Rewind | None = None,
    runs_tools: bool = False,
    client_history: Sequence[Message] | None = None,
) -> Question:
    """What the caller asks, of the caller's own agent where no `agent` is given. See `Question` for the rest."""
    caller = call.caller
    return Question(
        agent=agent or caller.agent,
        conversation=conversation,
        messages=messages,
        request_id=call.request_id,
        payer=caller.payer,
        taker=taker_of(caller),
        options=options or SamplingOptions(),
        history=history,
        external_id=message_id,
        rewind=rewind,
        runs_tools=runs_tools,
        client_history=client_history,
        user_id=caller.session.user.id if caller.session else None,
    )


def conversation_of(
    call: Call,
    wire: str,
    *,
    conversation_id: str | None = None,
    external_id: str | None = None,
    end_user: str | None = None,
) -> ConversationRef:
    """A conversation of the caller's, with the caller's own agent; see `ConversationRef`."""
    caller = call.caller
    return ConversationRef(caller.agent.id, wire, caller.owner, external_id, conversation_id, end_user)
