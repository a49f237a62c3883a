"""A question to the engine, from a request that has passed the guard: built here for every wire."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.agent import Agent, AnswerOptions, ToolSpec
from app.engine.conversation import ConversationRef, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import Message, last_question
from app.engine.needs import Need, needs_of
from app.engine.question import Question
from app.web.callers.caller import Caller
from app.web.callers.takers import taker_of
from app.web.requests.call import Call
from app.web.requests.repeating import request_key
from app.web.services import services

MOST_MESSAGES = 1000  # of a conversation that a caller posts: as many as an agent may be told to look at
NO_PLACES: Mapping[Need, str] = {}
_UNMET: Mapping[Need, str] = {
    "images": "This agent's model takes no images.",
    "stop": "This agent's model cannot be told texts that end its answer.",
    "schema": "This agent's model cannot be held to a JSON schema.",
    "json": "This agent's model cannot be held to JSON without a schema.",
    "calls": "This agent's model cannot be made to call a tool.",
}
_REPEAT = Rewind("repeat")
LONGEST_QUESTION = 100_000  # characters
LONGEST_PUBLIC_QUESTION = 4_000  # of callers who hold no secret: a widget's key, or none


def new_question(
    call: Call,
    conversation: ConversationRef,
    messages: Sequence[Message],
    *,
    agent: Agent | None = None,
    history: int = 0,
    options: AnswerOptions | None = None,
    message_id: str | None = None,
    rewind: Rewind | None = None,
    runs_tools: bool = False,
    tools: Sequence[ToolSpec] = (),
    client_history: Sequence[Message] | None = None,
    posted: Sequence[Message] | None = None,
    so_far: Message | None = None,
    shows_sources: bool = False,
    kept: Mapping[str, Any] | None = None,
    places: Mapping[Need, str] = NO_PLACES,
) -> Question:
    """What the caller asks, of the caller's own agent where no `agent` is given. `places` are those of the request
    where it asks for something that not every model takes. See `Question` for the rest.

    Where no other `rewind` is given, a text that is sent again behind an answer that broke off takes the place of both:
    a page asks again so that was hidden and is seen (Azure/fetch-event-source#51), or whose user tries again.

    Raises ChatError(INVALID) for what is no Idempotency-Key, for a text longer than the caller may ask, on whatever
    wire, and for what none of the agent's models takes.
    """
    caller = call.caller
    taker = taker_of(caller)
    _check_length(caller, messages)
    options = options or AnswerOptions()
    refuse_unmet(agent or caller.agent, [*(client_history or ()), *messages], options, places)
    return Question(
        agent=agent or caller.agent,
        conversation=conversation,
        messages=messages,
        request_id=call.request_id,
        payer=caller.payer,
        taker=taker,
        options=options,
        history=history,
        external_id=message_id,
        rewind=rewind or _REPEAT,
        runs_tools=runs_tools,
        tools=tools,
        client_history=client_history,
        posted=posted,
        so_far=so_far,
        user_id=caller.session.user.id if caller.session else None,
        trace=call.trace,
        shows_sources=shows_sources,
        request_key=request_key(conversation, taker),
        kept=kept,
    )


def refuse_unmet(
    agent: Agent, messages: Sequence[Message], options: AnswerOptions, places: Mapping[Need, str] = NO_PLACES
) -> None:
    """Raises ChatError(INVALID) where the messages or options need what none of the agent's models takes; a workflow
    takes nothing of it."""
    needs = needs_of(messages, options)
    if not needs:
        return
    engine = services().engine
    unmet = needs if agent.id in engine.plans else engine.models[agent.models].lacks(needs)
    wrong = {places.get(need, need): _UNMET[need] for need in sorted(unmet)}
    for place, reason in wrong.items():
        raise ChatError(Problem.INVALID, f"{place}: {reason}", fields=wrong)


def _check_length(caller: Caller, messages: Sequence[Message]) -> None:
    public = caller.session is None and (caller.key is None or caller.key.kind == "widget")
    most = LONGEST_PUBLIC_QUESTION if public else LONGEST_QUESTION
    if len(last_question(messages)) > most:
        raise ChatError(Problem.INVALID, f"The question may have at most {most:,} characters")


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
