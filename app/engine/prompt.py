"""What a model gets to see of a conversation."""

from collections.abc import Sequence

from app.engine.messages import Message, Part, TextPart, ToolCallPart, ToolResultPart, said
from app.engine.ports import Agent, Passage

_KNOWLEDGE = "Answer from these passages where they apply, and name the source of what you use."


def assemble(agent: Agent, messages: Sequence[Message], passages: Sequence[Passage] = ()) -> list[Message]:
    """One system message, if there is anything to put into it, then the latest of the conversation: as many as the
    agent's limits admit.

    Many models' templates take no second system message, and no answer before the first question. The last message
    always stays. Whole messages go, oldest first, so a tool call is never parted from its result. The agent's
    instructions stand in where the caller gave no system message of its own.
    """
    system = [message.text for message in messages if message.role == "system"]
    if not system and agent.instructions:
        system = [agent.instructions]
    if passages:
        system += [_KNOWLEDGE, *(f"[{passage.source}, {passage.title}]\n{passage.text}" for passage in passages)]
    talk = [_settled(message) for message in messages if message.role != "system"]
    latest = _latest(agent, [message for message in talk if message.parts])
    return [said("system", "\n\n".join(system)), *latest] if system else latest


def _settled(message: Message) -> Message:
    """As model servers take it: without thoughts, and without calls that never got their result, as an interrupted
    answer leaves them. Calls that were open together have all their results where the first of these came; the steps of
    a workflow go on side by side."""
    results = {part.call_id: part for part in message.parts if isinstance(part, ToolResultPart)}
    kept: list[Part] = []
    waiting: list[ToolResultPart] = []
    for part in message.parts:
        match part:
            case ToolCallPart(call_id) if call_id in results:
                kept.append(part)
                waiting.append(results[call_id])
            case ToolResultPart(call_id) if results[call_id] in waiting:
                kept += waiting
                waiting = []
            case TextPart():
                kept.append(part)
    return Message(message.role, (*kept, *waiting))


def _latest(agent: Agent, talk: list[Message]) -> list[Message]:
    room = agent.history_tokens
    kept: list[Message] = []
    for message in reversed(talk[-agent.history_messages :]):
        room -= estimated_tokens(message)
        if kept and room < 0:
            break
        kept.append(message)
    while len(kept) > 1 and kept[-1].role == "assistant":
        kept.pop()
    return kept[::-1]


def estimated_tokens(message: Message) -> int:
    """Four bytes a token: near enough for English, and on the safe side for most other scripts."""
    size = 0
    for part in message.parts:
        match part:
            case TextPart(text):
                size += len(text.encode())
            case ToolCallPart(_, _, args):
                size += len(str(args).encode())
            case ToolResultPart(_, _, result, _):
                size += len(str(result).encode())
    return size // 4 + 4
